/**
 * A host with a node on it, through all the lives of that node.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { NodeEvent } from "../domain/NodeEvent.js"
import * as EphemeralIdentity from "../layers/EphemeralIdentity.js"
import * as NoBootstrap from "../layers/NoBootstrap.js"
import * as NoDiscovery from "../layers/NoDiscovery.js"
import * as StandardConnectionGuard from "../layers/StandardConnectionGuard.js"
import * as StandardNode from "../layers/StandardNode.js"
import * as StandardStats from "../layers/StandardStats.js"
import { Bootstrap } from "../services/Bootstrap.js"
import { BootstrapConfig } from "../services/BootstrapConfig.js"
import { ConnectionGuard } from "../services/ConnectionGuard.js"
import { Discovery } from "../services/Discovery.js"
import { DiscoveryConfig } from "../services/DiscoveryConfig.js"
import { Entropy } from "../services/Entropy.js"
import { Identity } from "../services/Identity.js"
import { Node } from "../services/Node.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { Stats } from "../services/Stats.js"
import { Transport, type TransportError } from "../services/Transport.js"
import { Witness } from "../services/Witness.js"
import type { Chance } from "./Chance.js"
import { Ledger } from "./Ledger.js"
import { Mishaps } from "./Mishaps.js"
import type { Host, Network } from "./Network.js"
import { type Log, Process } from "./Process.js"
import * as SimulatedBootstrap from "./SimulatedBootstrap.js"
import * as SimulatedDiscovery from "./SimulatedDiscovery.js"
import * as SimulatedEntropy from "./SimulatedEntropy.js"
import * as SimulatedTransport from "./SimulatedTransport.js"
import type { World } from "./World.js"

/** What runs on a host beside the application: a node and its services. @since 0.1.0 */
export type Services = Node | Stats | ConnectionGuard | Identity

/** How a node is set up, how it finds others, and what runs beside it. @since 0.1.0 */
export interface Setup<App> {
  readonly node: NodeConfig["Type"]
  /** Nothing for a node that is not heard on its segment. */
  readonly discovery: DiscoveryConfig["Type"] | undefined
  /** Nothing for a node without a registry. */
  readonly bootstrap: {
    readonly settings: BootstrapConfig["Type"]
    readonly registry: SimulatedBootstrap.SimulatedRegistry
  } | undefined
  /** Whether a node that starts again has the key it had before. */
  readonly keepsKey: boolean
  readonly app: Layer.Layer<App, unknown, Services>
}

/** One life of a node. @since 0.1.0 */
export interface Life<App> {
  readonly number: number
  readonly process: Process
  readonly ledger: Ledger
  /** Once it listens. */
  services: Context.Context<Services | App> | undefined
  /** Its main fiber. */
  main: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** Whether it has been told to stop. */
  stopping: boolean
}

/** Who watches a station. @since 0.1.0 */
export interface Watch<App> {
  readonly event: (station: Station<App>, life: Life<App>, event: NodeEvent) => void
  /** The node listens; what this begins in the scope lives as long as the node. */
  readonly listening: (station: Station<App>, life: Life<App>) => Effect.Effect<void, never, Scope.Scope>
  /** Its main fiber is over: told to stop, or not. */
  readonly ended: (station: Station<App>, life: Life<App>, exit: Exit.Exit<unknown, unknown>) => void
  /** Another fiber of it ended by a defect. */
  readonly defect: (station: Station<App>, cause: Cause.Cause<unknown>) => void
  readonly log: Log
}

/** @since 0.1.0 */
export class Station<App = never> {
  readonly host: Host
  readonly setup: Setup<App>
  readonly mishaps: Mishaps
  /** The life that goes on; nothing between two of them. */
  life: Life<App> | undefined
  readonly #network: Network
  readonly #chance: Chance
  readonly #watch: Watch<App>
  #lives = 0

  constructor(network: Network, host: Host, setup: Setup<App>, watch: Watch<App>) {
    this.host = host
    this.setup = setup
    this.#network = network
    this.#chance = network.world.chance.fork(host.name)
    this.mishaps = new Mishaps(this.#chance.fork("mishaps"))
    this.#watch = watch
    network.join(host)
  }

  get name(): string {
    return this.host.name
  }

  /** How many lives have begun. */
  get lives(): number {
    return this.#lives
  }

  /** The chance from which the key of a life is drawn; without one, that of a node that keeps its key. */
  static identityOf(world: World, { name }: Host, life: number | undefined): Chance {
    return world.chance.fork(`${name}/identity${life === undefined ? "" : ` ${life}`}`)
  }

  /** Begins a life, if none goes on. */
  start(): void {
    if (this.life !== undefined) return
    this.host.up = true
    this.#network.changed()
    const number = ++this.#lives
    const chance = this.#chance.fork(`life ${number}`)
    const { name } = this.host
    const process = new Process(this.#network.world, name, chance.fork("process"), {
      skewMillis: () => this.host.skewMillis,
      log: this.#watch.log,
      defect: (cause) => this.#watch.defect(this, cause)
    })
    const life: Life<App> = {
      number,
      process,
      ledger: new Ledger(this.setup.node),
      services: undefined,
      main: undefined,
      stopping: false
    }
    this.life = life
    const witness = (event: NodeEvent): void => this.#watch.event(this, life, event)
    const program = Effect.gen(this, function*() {
      const node = yield* this.#node(life, chance)
      life.services = Context.merge(node, yield* Effect.provide(Layer.build(this.setup.app), node))
      yield* this.#watch.listening(this, life)
      // Not `Effect.never`, which holds a timer of the real world.
      yield* Effect.async<never>(() => {})
    })
    life.main = life.process.run(Effect.provideService(Effect.scoped(program), Witness, witness))
    life.main.addObserver((exit) => {
      if (life.process.state !== "dead") this.#watch.ended(this, life, exit)
    })
  }

  /** Tells the node to stop in order. */
  stop(): void {
    const { life } = this
    if (life === undefined || life.stopping) return
    life.stopping = true
    life.main?.unsafeInterruptAsFork(life.main.id())
  }

  /** Ends a life at once: what it has not sent by now is not sent. With the power, its sockets vanish, too. */
  kill(power: boolean): void {
    const { life } = this
    if (life === undefined) return
    this.life = undefined
    life.process.kill()
    for (const socket of this.host.sockets) {
      if (power) socket.vanish()
      else socket.close()
    }
    this.host.clear()
    if (power) this.host.up = false
    this.#network.changed()
  }

  /** By hand: made of layers, they were a third of all steps of fibers in a run of many lives. */
  #node(
    life: Life<App>,
    chance: Chance
  ): Effect.Effect<Context.Context<Services>, TransportError, Scope.Scope> {
    const { bootstrap, discovery, keepsKey, node } = this.setup
    const { world } = this.#network
    const identityChance = Station.identityOf(
      world,
      this.host,
      keepsKey ? undefined : life.number
    )
    const machine = {
      network: this.#network,
      host: this.host,
      process: life.process,
      chance: chance.fork("entropy"),
      mishaps: this.mishaps
    }
    return Effect.gen(function*() {
      const identity = yield* Effect.provideService(
        EphemeralIdentity.make,
        Entropy,
        SimulatedEntropy.make(world, identityChance)
      )
      const stats = yield* StandardStats.make
      const guard = yield* Effect.provideService(StandardConnectionGuard.make(node.limits), Stats, stats)
      const shown = Context.make(Identity, identity).pipe(
        Context.add(Stats, stats),
        Context.add(ConnectionGuard, guard)
      )
      const inner = shown.pipe(
        Context.add(NodeConfig, node),
        Context.add(Entropy, SimulatedEntropy.make(world, machine.chance)),
        Context.add(Transport, SimulatedTransport.make(machine))
      )
      const found = discovery === undefined
        ? NoDiscovery.make
        : yield* Effect.provide(
          SimulatedDiscovery.make(machine),
          Context.add(inner, DiscoveryConfig, discovery)
        )
      const named = bootstrap === undefined
        ? NoBootstrap.make
        : yield* Effect.provide(
          SimulatedBootstrap.make(machine, bootstrap.registry),
          Context.add(inner, BootstrapConfig, bootstrap.settings)
        )
      const parts = inner.pipe(Context.add(Discovery, found), Context.add(Bootstrap, named))
      return Context.add(shown, Node, yield* Effect.provide(StandardNode.make, parts))
    })
  }
}
