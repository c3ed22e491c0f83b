/**
 * A program that goes along with a simulated world: it lets nodes do things, breaks and mends the network by hand, and
 * asserts what it expects. It runs outside the world, at its time, and before anything else happens in it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import { type Fault, problem } from "./Fault.js"
import * as Run from "./Run.js"
import type { Onlooker, Settings, Simulation } from "./Simulation.js"
import type { Life, Services, Station } from "./Station.js"
import { Watcher } from "./Watcher.js"

/** A fault without its times. @since 0.1.0 */
export type Damage<F extends Fault = Fault> = F extends Fault ? Omit<F, "fromMillis" | "toMillis"> : never

/** A node ended before it had done what it was asked for. @since 0.1.0 */
export class NodeDown extends Data.TaggedError("NodeDown")<{ readonly node: string }> {
  override get message(): string {
    return `${this.node} went down before it was done`
  }
}

/** @since 0.1.0 */
export interface Sim<App = never> {
  /** The names of the nodes: n1, n2 and so on. */
  readonly names: ReadonlyArray<string>
  /**
   * Runs an effect on a node, with its services, in its own process: it stands still while the node is frozen. Waits
   * for a node that is down; fails with `NodeDown` if the node ends before the effect does.
   */
  readonly on: <A, E>(
    node: string,
    effect: Effect.Effect<A, E, Services | App>
  ) => Effect.Effect<A, E | NodeDown>
  /** Waits until all that may talk have a session with each other. */
  readonly connected: Effect.Effect<void>
  /** Does damage that heals when the scope closes. Dies if all faults have healed already. */
  readonly damage: (damage: Damage) => Effect.Effect<void, never, Scope.Scope>
  /** Cuts some nodes off from all the others, until the scope closes. */
  readonly partition: (...nodes: ReadonlyArray<string>) => Effect.Effect<void, never, Scope.Scope>
  /** Ends a node without a word; it starts again when the scope closes, having forgotten everything. */
  readonly crash: (node: string) => Effect.Effect<void, never, Scope.Scope>
  /** Heals all faults now; none begins any more. */
  readonly heal: Effect.Effect<void>
  /** Waits until the time of the faults is over, and heals all. */
  readonly calm: Effect.Effect<void>
}

/** @since 0.1.0 */
export type Program<App = never, A = unknown, E = unknown> = (
  sim: Sim<App>
) => Effect.Effect<A, E, Scope.Scope>

/** A run with a program beside it. What the program has damaged is among the faults of the outcome. @since 0.1.0 */
export function* steps<App = never>(
  settings: Settings<App>,
  program: Program<App>,
  onlooker: Onlooker = {}
): Generator<Run.Progress<App>, Run.Outcome> {
  let company: Company<App> | undefined
  const outcome = yield* Run.steps(settings, onlooker, (simulation) => {
    company = new Company(simulation, onlooker)
    company.begin(program)
    return company
  })
  company?.close()
  return { ...outcome, faults: [...outcome.faults, ...company?.damages ?? []] }
}

/** The same without pauses. @since 0.1.0 */
export const run = <App = never>(
  settings: Settings<App>,
  program: Program<App>,
  onlooker: Onlooker = {}
): Run.Outcome => {
  const all = steps(settings, program, onlooker)
  for (;;) {
    const step = all.next()
    if (step.done === true) return step.value
  }
}

/** How often a program looks for what it waits for. */
const look = "20 millis"

/** How much of a stack says where a program failed. */
const frames = 3

class Company<App> {
  readonly damages: Array<Mutable<Fault>> = []
  readonly #simulation: Simulation<App>
  readonly #watcher: Watcher
  /** What is waited for now. */
  readonly #waits = new Map<symbol, string>()
  #over = false
  #healed = false

  constructor(simulation: Simulation<App>, { log }: Onlooker) {
    const { world } = simulation
    this.#simulation = simulation
    this.#watcher = new Watcher(
      world,
      "program",
      world.chance.fork("program"),
      log === undefined ? {} : { log }
    )
  }

  begin(program: Program<App>): void {
    const { stations, world } = this.#simulation
    const fiber = this.#watcher.run(Effect.scoped(Effect.suspend(() =>
      program({
        names: stations.map(({ name }) => name),
        on: (node, effect) => this.#on(node, effect),
        connected: this.#until("all to be connected", () => this.#simulation.missing().length === 0),
        damage: (damage) => this.#damage(damage),
        partition: (...nodes) => this.#partition(nodes),
        crash: (node) => this.#damage({ kind: "crash", host: this.#station(node).name, power: false }),
        heal: this.#heal,
        calm: this.#calm
      })
    )))
    fiber.addObserver((exit) => {
      this.#over = true
      if (Exit.isFailure(exit) && this.#watcher.state !== "dead") {
        this.#simulation.break("program", inWords(exit.cause), [])
      } else world.stop()
    })
  }

  readonly unfinished = (): string | undefined => {
    if (this.#over) return undefined
    const waits = [...new Set(this.#waits.values())]
    if (waits.length > 0) return `it waits for ${waits.join(", ")}`
    return this.#watcher.timers > 0
      ? "it sleeps"
      : "nothing in the world can wake it; does it wait for a promise, a socket or a timer of the real world?"
  }

  close(): void {
    this.#watcher.kill()
  }

  readonly #heal = Effect.sync(() => {
    this.#healed = true
    for (const fault of this.damages) this.#end(fault)
    this.#simulation.heal()
  })

  readonly #calm = Effect.suspend(() => {
    const { nowMillis, settings } = this.#simulation
    return this.#waiting(
      "the end of the faults",
      Effect.sleep(this.#healed ? 0 : Math.max(0, settings.forMillis - nowMillis))
    )
  }).pipe(Effect.zipRight(this.#heal))

  #on<A, E>(node: string, effect: Effect.Effect<A, E, Services | App>): Effect.Effect<A, E | NodeDown> {
    const station = this.#station(node)
    const up = this.#until(`${node} to run`, () => servicesOf(station) !== undefined)
    const there = Effect.async<A, E | NodeDown>((resume) => {
      const [life, services] = [station.life, servicesOf(station)]
      if (life === undefined || services === undefined) return resume(new NodeDown({ node }))
      const fiber = life.process.run(Effect.provide(effect, services))
      const interrupt = () => fiber.unsafeInterruptAsFork(FiberId.none)
      fiber.addObserver((exit) => {
        life.main?.removeObserver(interrupt)
        resume(Exit.isInterrupted(exit) && hasEnded(life) ? new NodeDown({ node }) : exit)
      })
      // A node that stops takes along what was asked of it.
      life.main?.addObserver(interrupt)
      return Effect.sync(interrupt)
    })
    return Effect.zipRight(up, this.#waiting(`what runs on ${node}`, there))
  }

  #partition(nodes: ReadonlyArray<string>): Effect.Effect<void, never, Scope.Scope> {
    const hosts = nodes.map((node) => this.#station(node).name)
    const others = this.#simulation.stations.map(({ name }) => name).filter((name) => !hosts.includes(name))
    return this.#damage({ kind: "partition", hosts, others, oneWay: false })
  }

  #damage(damage: Damage): Effect.Effect<void, never, Scope.Scope> {
    const { faultline } = this.#simulation
    const begin = Effect.suspend(() => {
      const { nowMillis, settings } = this.#simulation
      const wrong = problem(damage, settings.nodes)
      if (wrong !== undefined) throw new RangeError(wrong)
      if (damage.kind === "registry" && settings.bootstrap === undefined) {
        throw new RangeError("damage \"registry\": expected bootstrap too")
      }
      if (this.#healed || nowMillis > settings.forMillis) {
        return Effect.dieMessage("all faults have healed already: no damage can be done any more")
      }
      const fault: Mutable<Fault> = { ...damage, fromMillis: nowMillis, toMillis: settings.forMillis }
      this.damages.push(fault)
      faultline.begin(fault)
      return Effect.succeed(fault)
    })
    const end = (fault: Mutable<Fault>) => Effect.sync(() => this.#end(fault))
    return Effect.asVoid(Effect.acquireRelease(begin, end))
  }

  #end(fault: Mutable<Fault>): void {
    const { faultline, nowMillis } = this.#simulation
    fault.toMillis = Math.min(fault.toMillis, nowMillis)
    faultline.end(fault)
  }

  #until(what: string, holds: () => boolean): Effect.Effect<void> {
    const again: Effect.Effect<void> = Effect.suspend(() =>
      holds() ? Effect.void : Effect.zipRight(Effect.sleep(look), again)
    )
    return this.#waiting(what, again)
  }

  #waiting<A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const key = Symbol(what)
      this.#waits.set(key, what)
      return Effect.ensuring(effect, Effect.sync(() => this.#waits.delete(key)))
    })
  }

  #station(name: string): Station<App> {
    const station = this.#simulation.stations.find((one) => one.name === name)
    if (station === undefined) {
      throw new RangeError(`no node is called ${name}; they are n1 to n${this.#simulation.stations.length}`)
    }
    return station
  }
}

type Mutable<F> = F extends Fault ? { -readonly [K in keyof F]: F[K] } : never

const servicesOf = <App>({ life }: Station<App>) =>
  life === undefined || life.stopping || life.process.state === "dead" ? undefined : life.services

const hasEnded = <App>(life: Life<App>): boolean =>
  life.process.state === "dead" || life.main?.unsafePoll() !== null

/** A failure with the places of the program it came from, as far as they are not in a package. */
const inWords = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "it was interrupted, by itself or by what it called"
  return Cause.prettyErrors(cause).map(({ message, name, stack = "" }) => {
    const places = stack.split("\n").filter((line) =>
      /^\s+at /.test(line) && !/node_modules|node:/.test(line)
    )
    return [`${name}: ${message}`, ...places.slice(0, frames)].join("\n")
  }).join("\n")
}
