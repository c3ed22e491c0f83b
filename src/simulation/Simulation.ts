/**
 * A run of a world from its first moment to its last: nodes that find each other, faults that come and heal, laws
 * that are checked after every event.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../domain/Endpoint.js"
import type { NodeEvent } from "../domain/NodeEvent.js"
import { NodeId } from "../domain/NodeId.js"
import * as PeerId from "../domain/PeerId.js"
import * as PeerState from "../domain/PeerState.js"
import * as MemoryRegistry from "../layers/MemoryRegistry.js"
import * as Crypto from "../protocol/Crypto.js"
import * as BootstrapConfig from "../services/BootstrapConfig.js"
import * as DiscoveryConfig from "../services/DiscoveryConfig.js"
import { Node } from "../services/Node.js"
import * as NodeConfig from "../services/NodeConfig.js"
import { Stats } from "../services/Stats.js"
import { Chance } from "./Chance.js"
import * as Chatter from "./Chatter.js"
import type { Fault, Kind } from "./Fault.js"
import { Faultline } from "./Faultline.js"
import * as Faults from "./Faults.js"
import { type Law, Sessions } from "./Laws.js"
import { admits, type Broken } from "./Ledger.js"
import { type Attachment, Host, Network } from "./Network.js"
import type { Path } from "./Path.js"
import { type Log, Process } from "./Process.js"
import type { SimulatedRegistry } from "./SimulatedBootstrap.js"
import { type Life, type Services, Station } from "./Station.js"
import { type Happening, Trace } from "./Trace.js"
import { type Order, type Pause, Restless, World } from "./World.js"

/** What a run is made of. @since 0.1.0 */
export interface Settings<App = never> {
  /** An integer of 0 to 2^32 - 1, from which all chance of the world comes. */
  readonly seed: number
  readonly nodes: number
  /** Milliseconds of the world in which faults happen. */
  readonly forMillis: number
  /** Milliseconds after that in which all must be connected. */
  readonly calmMillis: number
  readonly order: Order
  /** Kinds of faults that are drawn from the seed. */
  readonly kinds: ReadonlyArray<Kind>
  /** Faults beside those that are drawn. */
  readonly faults: ReadonlyArray<Fault>
  /** Replaces the faults that are drawn. */
  readonly only?: ReadonlyArray<Fault>
  /** What the network is like when all is well. */
  readonly path: Partial<Path>
  /** Segments of the network: broadcasts stay within one, streams pass between them. */
  readonly segments: number
  readonly node: Partial<Omit<NodeConfig.Settings, "id">>
  readonly discovery: DiscoveryConfig.Settings | undefined
  readonly bootstrap: Omit<BootstrapConfig.Settings, "url"> | undefined
  /** Whether wanted endpoints, denied peers and new keys are drawn from the seed, too. */
  readonly variety: boolean
  /** Whether the nodes talk, so that it shows whether messages come as they should. */
  readonly chatter: boolean
  /** What runs beside each node. */
  readonly app: Layer.Layer<App, unknown, Services>
}

/** @since 0.1.0 */
export const defaults: Settings = {
  seed: 0,
  nodes: 10,
  forMillis: 60_000,
  calmMillis: 120_000,
  order: "seeded",
  kinds: [],
  faults: [],
  path: {},
  segments: 1,
  node: {},
  discovery: DiscoveryConfig.defaults,
  bootstrap: undefined,
  variety: true,
  chatter: true,
  app: Layer.empty
}

/** The faults that a run draws, or those in their place. @since 0.1.0 */
export const drawn = (
  settings: Pick<Settings, "forMillis" | "kinds" | "nodes" | "only" | "seed">
): ReadonlyArray<Fault> =>
  settings.only ?? Faults.draw(
    settings.kinds,
    { hosts: namesOf(settings.nodes), forMillis: settings.forMillis },
    new Chance(settings.seed).fork("faults")
  )

/** A law that was broken. @since 0.1.0 */
export interface Violation {
  readonly law: Law
  readonly text: string
  /** Microseconds of the world. */
  readonly atMicros: number
  /** The nodes involved. */
  readonly nodes: ReadonlyArray<string>
}

/** Who looks on while it runs. @since 0.1.0 */
export interface Onlooker {
  readonly happening?: (happening: Happening) => void
  readonly log?: Log
}

/** The names of so many nodes. @since 0.1.0 */
export const namesOf = (nodes: number): ReadonlyArray<string> =>
  Array.from({ length: nodes }, (_, at) => `n${at + 1}`)

/** The TCP port of every node. */
const port = 9_001

/** @since 0.1.0 */
export class Simulation<App = never> {
  readonly settings: Settings<App>
  readonly world: World
  readonly network: Network
  readonly stations: ReadonlyArray<Station<App>>
  readonly trace: Trace
  /** All faults of this run, drawn or given. */
  readonly faults: ReadonlyArray<Fault>
  /** Those that are in force now. */
  readonly faultline: Faultline
  /** How many times a law was asked. */
  checks = 0
  /** The first law that was broken. */
  violation: Violation | undefined
  /** When all faults were healed first, in milliseconds of the world; nothing if a law was broken before. */
  healedAtMillis: number | undefined
  readonly #sessions = new Sessions()
  /** The stations that told something since all rested, and what; a change of state above all. */
  readonly #moved = new Map<Station<App>, NodeEvent["ev"]>()
  readonly #registry: SimulatedRegistry

  constructor(settings: Settings<App>, { happening, log = () => {} }: Onlooker = {}) {
    this.settings = settings
    this.world = new World(settings)
    this.world.resting = () => this.#rest()
    this.network = new Network(this.world, settings.path)
    this.trace = new Trace(happening)
    this.#registry = this.#makeRegistry()
    const names = namesOf(settings.nodes)
    const hosts = names.map((name, at) => new Host(name, [attachment(at, settings.segments)]))
    this.stations = hosts.map((host) =>
      new Station(this.network, host, this.#setup(host, hosts), {
        event: (station, life, event) => this.#event(station, life, event),
        listening: (station, life) => this.#listening(station, life),
        ended: (station, life, exit) => this.#ended(station, life, exit),
        defect: (station, cause) => this.#died(station, cause),
        log
      })
    )
    this.faults = [...settings.faults, ...drawn(settings)]
    this.faultline = new Faultline(this.network, this.stations, this.#registry, settings.forMillis)
    const arrivals = this.world.chance.fork("arrivals")
    for (const station of this.stations) {
      this.world.after(arrivals.below(arrivalMicros), () => this.faultline.settle(station))
    }
    for (const fault of this.faults) this.faultline.enter(fault)
  }

  /** Milliseconds of the world. */
  get nowMillis(): number {
    return this.world.nowMillis
  }

  /** Runs until a time of the world has come, so many actions were delivered, or a law was broken. */
  run(untilMillis: number, actions?: number): Pause {
    if (this.violation !== undefined) return "stopped"
    try {
      return this.world.run(untilMillis * 1_000, actions)
    } catch (error) {
      if (error instanceof Restless) this.break("rest", error.message, [])
      else this.break("no defect", Cause.pretty(Cause.die(error)), [])
      return "stopped"
    }
  }

  /** Ends all faults: from now on all is well, and every node runs. */
  heal(): void {
    if (this.violation === undefined) this.healedAtMillis ??= this.nowMillis
    this.faultline.heal()
    for (const station of this.stations) station.start()
  }

  /** The pairs that are not connected, in words; none if all that may talk are. */
  missing(): ReadonlyArray<string> {
    const { limits } = this.#node
    const crowded = this.stations.length - 1 > limits.peers
    return this.stations.flatMap((station, at) => {
      if (crowded) {
        // Where every place is taken, whoever comes last finds none; nor with those that it may not talk to.
        const room = this.stations.some((other) =>
          other !== station && this.#mayTalk(station, other) && sessionsOf(other) < limits.peers
        )
        return sessionsOf(station) > 0 || !room ? [] : [`${station.name} has no peer`]
      }
      return this.stations.slice(at + 1).flatMap((other) =>
        !this.#mayTalk(station, other) || isConnected(station, other) ? [] : [`${station.name}-${other.name}`]
      )
    })
  }

  /** Pairs that have a session at both ends, and pairs that may have one. */
  get pairs(): { readonly connected: number; readonly possible: number } {
    let connected = 0
    let possible = 0
    for (const [at, station] of this.stations.entries()) {
      for (const other of this.stations.slice(at + 1)) {
        if (this.#mayTalk(station, other)) possible++
        if (isConnected(station, other)) connected++
      }
    }
    return { connected, possible }
  }

  /** Notes that a law was broken, and stops. */
  break(law: Law, text: string, nodes: ReadonlyArray<string>): void {
    this.violation ??= { law, text, nodes, atMicros: this.world.nowMicros }
    this.world.stop()
  }

  /** Lets go of everything. */
  close(): void {
    for (const station of this.stations) station.kill(true)
  }

  get #node(): NodeConfig.Settings {
    return NodeConfig.make({ id: NodeId.make("n"), ...this.settings.node })
  }

  #makeRegistry(): SimulatedRegistry {
    const host = new Host("registry", [{
      name: "eth0",
      address: "10.255.0.1",
      netmask: "255.255.255.0",
      segment: "registry"
    }])
    this.network.join(host)
    const keeper = new Process(this.world, "registry", this.world.chance.fork("registry"))
    return {
      host,
      registry: Effect.runSync(MemoryRegistry.make),
      clock: keeper.clock,
      mood: "well"
    }
  }

  #setup(host: Host, hosts: ReadonlyArray<Host>) {
    const { app, bootstrap, discovery, variety } = this.settings
    const chance = this.world.chance.fork(`${host.name}/setup`)
    const others = hosts.filter((other) => other !== host)
    const wants = variety && others.length > 0 && chance.hits(wanting) ? [chance.pick(others)] : []
    return {
      node: {
        ...this.#node,
        id: NodeId.make(host.name),
        port,
        denied: new Set([...this.#node.denied, ...this.#denied(host, hosts, chance)]),
        connect: [
          ...this.settings.node.connect ?? [],
          ...wants.map(({ address }) => Endpoint.make(address, port))
        ]
      },
      discovery: discovery && DiscoveryConfig.make(discovery),
      bootstrap: bootstrap === undefined ? undefined : {
        settings: BootstrapConfig.make({ ...bootstrap, url: new URL("http://registry") }),
        registry: this.#registry
      },
      keepsKey: !variety || this.#keepsKey(host),
      app
    }
  }

  #keepsKey({ name }: Host): boolean {
    return this.world.chance.fork(`${name}/keeps`).hits(0.5)
  }

  /** Another host that this one denies, if the seed says so: one whose key is known beforehand. */
  #denied(host: Host, hosts: ReadonlyArray<Host>, chance: Chance): ReadonlyArray<PeerId.PeerId> {
    if (!this.settings.variety || !chance.hits(denying)) return []
    const others = hosts.filter((other) => other !== host && this.#keepsKey(other))
    if (others.length === 0) return []
    const secret = Station.identityOf(this.world, chance.pick(others), undefined).bytes(Crypto.keyBytes)
    return [PeerId.fromKey(Crypto.keyPair("Ed25519", secret).publicKey)]
  }

  #event(station: Station<App>, life: Life<App>, event: NodeEvent): void {
    this.trace.add({ atMicros: this.world.nowMicros, node: station.name, life: life.number, event })
    this.checks++
    if (event.ev === "peer.state") this.#moved.set(station, event.ev)
    else if (event.ev === "dial.verdict" && event.verdict !== "deduplicated" && !this.#moved.has(station)) {
      this.#moved.set(station, event.ev)
    }
    this.#judge(life.ledger.take(event, this.world.nowMillis), station)
    if (event.ev !== "peer.state" || event.to !== "Connected" || event.from !== "Handshaking") return
    if (event.session === undefined) return
    const { conn, direction, peer } = event
    this.#judge(
      this.#sessions.opened(event.session, {
        node: station.name,
        ledger: life.ledger,
        conn,
        direction,
        peer
      }),
      station
    )
  }

  /** What has to hold of every node that did something, now that all rest. */
  #rest(): void {
    for (const [station, event] of this.#moved) {
      const { life } = station
      if (life?.process.state === "frozen") continue
      this.#moved.delete(station)
      if (life?.services === undefined || life.stopping) continue
      this.checks++
      const counters = Effect.runSync(Context.get(life.services, Stats).snapshot)
      this.#judge(life.ledger.counted(counters, this.world.nowMillis), station)
      if (event !== "peer.state") continue
      const peers = Effect.runSync(Context.get(life.services, Node).peers)
      this.#judge(life.ledger.shown(peers), station)
    }
  }

  /** Begins what runs beside the node for the sake of the laws. */
  #listening(station: Station<App>, { services }: Life<App>): Effect.Effect<void, never, Scope.Scope> {
    if (!this.settings.chatter || services === undefined) return Effect.void
    const hear = (broken: Broken): void => {
      this.checks++
      this.#judge(broken, station)
    }
    return Effect.provide(
      Effect.zipRight(Effect.forkScoped(Chatter.listen(hear)), Effect.forkScoped(Chatter.talk)),
      services
    )
  }

  #ended(station: Station<App>, life: Life<App>, exit: Exit.Exit<unknown, unknown>): void {
    if (!life.stopping) {
      const why = exit._tag === "Failure" ? Cause.pretty(exit.cause) : "it ended by itself"
      return this.break("no defect", `${station.name} ended: ${why}`, [station.name])
    }
    if (exit._tag === "Failure" && Cause.isDie(exit.cause)) {
      return this.break("no defect", `${station.name} stopped: ${Cause.pretty(exit.cause)}`, [station.name])
    }
    // What it has to clear away needs no time of its own.
    this.world.after(1, () => {
      this.checks++
      const { fibers, timers } = life.process
      const { ears, listeners, sockets: streams } = station.host
      const sockets = [...streams, ...ears, ...listeners.values()]
        .filter(({ process }) => process === life.process).length
      if (fibers.size + timers + sockets > 0) {
        this.break(
          "nothing left",
          `${station.name} stopped and left ${fibers.size} fibers, ${timers} timers, ${sockets} sockets`,
          [station.name]
        )
      }
      if (station.life === life) station.kill(false)
    })
  }

  /** Not at once: if it breaks the program or the node, that says more. */
  #died({ name }: Station<App>, cause: Cause.Cause<unknown>): void {
    this.world.after(
      0,
      () => this.break("no defect", `a fiber of ${name} died: ${Cause.pretty(cause)}`, [name])
    )
  }

  #judge(broken: Broken, station: Station<App>): void {
    if (broken !== undefined) this.break(broken.law as Law, `${station.name}: ${broken.text}`, [station.name])
  }

  #mayTalk(a: Station<App>, b: Station<App>): boolean {
    const denies = (one: Station<App>, other: Station<App>) => {
      const key = other.life?.ledger.key
      return key !== undefined && !admits(one.setup.node, key)
    }
    return !denies(a, b) && !denies(b, a)
  }
}

/** Nodes start within so many microseconds of each other. */
const arrivalMicros = 1_000_000

/** The fraction of nodes that deny another. */
const denying = 0.05

/** The fraction of nodes that want an endpoint of their own. */
const wanting = 0.3

const attachment = (at: number, segments: number): Attachment => {
  const segment = at % segments
  const number = Math.floor(at / segments) + 1
  return {
    name: "eth0",
    address: `10.${segment}.${number >> 8}.${number & 255}`,
    netmask: "255.255.0.0",
    segment: `lan${segment}`
  }
}

/** How many sessions a node has. */
const sessionsOf = <App>({ life }: Station<App>): number =>
  [...life?.ledger.open.values() ?? []].filter(({ state }) => PeerState.isLive(state)).length

/** Whether two nodes have one session, of which both know. */
const isConnected = <App>(a: Station<App>, b: Station<App>): boolean => {
  const [mine, theirs] = [a.life?.ledger, b.life?.ledger]
  if (mine?.key === undefined || theirs?.key === undefined) return false
  const session = mine.sessionWith(theirs.key)?.session
  return session !== undefined && session === theirs.sessionWith(mine.key)?.session
}
