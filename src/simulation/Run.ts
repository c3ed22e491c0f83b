/**
 * A whole run: the faults, their healing, the calm in which all have to be connected, and the end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Counters from "../domain/Counters.js"
import { Stats } from "../services/Stats.js"
import type { Fault, Kind } from "./Fault.js"
import type { Site } from "./Mishaps.js"
import { problems } from "./Settings.js"
import { type Onlooker, type Settings, Simulation, type Violation } from "./Simulation.js"
import type { Station } from "./Station.js"
import type { Happening } from "./Trace.js"

/** Where a run stands. @since 0.1.0 */
export interface Progress<App = never> {
  readonly phase: "faults" | "calm" | "end"
  readonly simulation: Simulation<App>
}

/** What became of a run. @since 0.1.0 */
export interface Outcome {
  readonly seed: number
  readonly verdict: "passed" | "safety" | "liveness"
  readonly violation: Violation | undefined
  /** Milliseconds of the world. */
  readonly worldMillis: number
  /** Actions that the world delivered. */
  readonly actions: number
  /** Events that the nodes told. */
  readonly events: number
  /** How many times a law was asked. */
  readonly checks: number
  /** SHA-256 over the trace, in hexadecimal. */
  readonly hash: string
  /** Milliseconds from the healing of the faults until all were connected; nothing if they were not. */
  readonly healedMillis: number | undefined
  /** When the faults were healed, in milliseconds of the world; nothing if it did not come to that. */
  readonly healedAtMillis?: number
  /** Those that came before all were healed; if a law was broken before that, all that were to come. */
  readonly faults: ReadonlyArray<Fault>
  /** How often each kind of fault has begun. */
  readonly begun: ReadonlyMap<Kind, number>
  /** How often each mishap has struck. */
  readonly mishaps: ReadonlyMap<Site, number>
  readonly nodes: ReadonlyArray<NodeOutcome>
  /** What happened last, the oldest first. */
  readonly last: ReadonlyArray<Happening>
}

/** @since 0.1.0 */
export interface NodeOutcome {
  readonly name: string
  readonly lives: number
  /** Of the last life, before it was stopped. */
  readonly counters: Counters.Counters
}

/** Actions between two looks at the progress. */
const sliceActions = 200

/** Milliseconds between two looks at who is connected. */
const lookMillis = 500

/** Milliseconds for which all must stay connected. */
const steadyMillis = 3_000

/** Milliseconds in which all nodes must have stopped. */
const stopMillis = 5_000

/**
 * Something that goes along with a run from its beginning. The faults heal as soon as it is over, and the run does not
 * end before.
 *
 * @since 0.1.0
 */
export type Companion<App = never> = (simulation: Simulation<App>) => {
  /** What it still waits for, in words; nothing once it is over. */
  readonly unfinished: () => string | undefined
}

/**
 * A run that pauses now and then, so that whoever looks on can draw. Throws a `RangeError` if no world can be made of
 * the settings.
 *
 * @since 0.1.0
 */
export function* steps<App>(
  settings: Settings<App>,
  onlooker: Onlooker = {},
  companion: Companion<App> = () => ({ unfinished: () => undefined })
): Generator<Progress<App>, Outcome> {
  const wrong = problems(settings)
  if (wrong.length > 0) throw new RangeError(wrong.join("\n"))
  const simulation = new Simulation(settings, onlooker)
  const { unfinished } = companion(simulation)
  const until = function*(millis: number, phase: Progress["phase"]): Generator<Progress<App>, void> {
    while (simulation.run(millis, sliceActions) === "paused") yield { phase, simulation }
  }
  yield* until(settings.forMillis, "faults")
  const healedAt = simulation.nowMillis
  simulation.heal()
  const names = new Set(simulation.stations.map(({ name }) => name))
  let steadySince: number | undefined
  let missing: ReadonlyArray<string> = []
  while (simulation.violation === undefined) {
    yield* until(simulation.nowMillis + lookMillis, "calm")
    missing = simulation.missing()
    steadySince = missing.length > 0 ? undefined : steadySince ?? simulation.nowMillis
    const left = unfinished()
    const isSteady = steadySince !== undefined && simulation.nowMillis - steadySince >= steadyMillis
    if (isSteady && left === undefined) break
    // What is connected now gets the time in which it shows whether it stays so.
    const over = simulation.nowMillis - healedAt - settings.calmMillis
    if (over < 0 || (missing.length === 0 && left === undefined && over < steadyMillis)) continue
    const since = `${settings.calmMillis / 1_000} s after all faults have healed,`
    if (missing.length > 0 || left === undefined) {
      simulation.break(
        "liveness",
        `${since} not connected: ${missing.length > 0 ? some(missing) : "all, but not for long"}`,
        [...new Set(missing.flatMap((pair) => pair.split(/[- ]/).filter((name) => names.has(name))))]
      )
    } else simulation.break("program", `${since} the program is not over: ${left}`, [])
  }
  const healedMillis = steadySince === undefined ? undefined : steadySince - healedAt
  const nodes = simulation.stations.map(nodeOutcome)
  for (const station of simulation.stations) station.stop()
  yield* until(simulation.nowMillis + stopMillis, "end")
  const left = simulation.stations.filter(({ life }) => life !== undefined).map(({ name }) => name)
  if (left.length > 0) simulation.break("nothing left", `still not stopped: ${some(left)}`, left)
  simulation.close()
  return outcome(simulation, healedMillis, nodes)
}

/** The same without pauses. @since 0.1.0 */
export const run = <App>(settings: Settings<App>, onlooker: Onlooker = {}): Outcome => {
  const all = steps(settings, onlooker)
  for (;;) {
    const step = all.next()
    if (step.done === true) return step.value
  }
}

const some = (names: ReadonlyArray<string>): string =>
  names.slice(0, 8).join(", ") + (names.length > 8 ? ` and ${names.length - 8} more` : "")

/** The faults as they came: what had not begun when all healed never did, and nothing lasted longer. */
const came = (faults: ReadonlyArray<Fault>, healedAtMillis: number): ReadonlyArray<Fault> =>
  faults.filter(({ fromMillis }) => fromMillis < healedAtMillis).map((fault) => cut(fault, healedAtMillis))

const cut = (fault: Fault, millis: number): Fault => ({
  ...fault,
  toMillis: Math.min(fault.toMillis, millis)
})

const nodeOutcome = <App>({ life, lives, name }: Station<App>): NodeOutcome => ({
  name,
  lives,
  counters: life?.services === undefined
    ? Counters.zero
    : Effect.runSync(Context.get(life.services, Stats).snapshot)
})

const outcome = <App>(
  simulation: Simulation<App>,
  healedMillis: number | undefined,
  nodes: ReadonlyArray<NodeOutcome>
): Outcome => {
  const { checks, faultline, faults, healedAtMillis, settings, stations, trace, violation, world } =
    simulation
  const mishaps = new Map<Site, number>()
  for (const station of stations) {
    for (const [site, count] of station.mishaps.struck) mishaps.set(site, (mishaps.get(site) ?? 0) + count)
  }
  return {
    seed: settings.seed,
    verdict: violation === undefined ? "passed" : violation.law === "liveness" ? "liveness" : "safety",
    violation,
    worldMillis: world.nowMillis,
    actions: world.delivered,
    events: trace.length,
    checks,
    hash: trace.hash,
    healedMillis,
    ...healedAtMillis === undefined ? {} : { healedAtMillis },
    faults: came(faults, healedAtMillis ?? Number.POSITIVE_INFINITY),
    begun: faultline.begun,
    mishaps,
    nodes,
    last: trace.last()
  }
}
