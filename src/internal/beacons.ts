/**
 * Discovery by beacons, over whatever carries them: when they leave, what those of others lead to, and what is told
 * of it.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Interface } from "../domain/Interfaces.js"
import type { Limits } from "../domain/Limits.js"
import type { NodeId } from "../domain/NodeId.js"
import { TokenBucket } from "../domain/TokenBucket.js"
import * as Beacon from "../protocol/Beacon.js"
import { Hearing, type Ignored } from "../protocol/Hearing.js"
import type { Discovery, Report } from "../services/Discovery.js"
import { DiscoveryConfig, type Settings } from "../services/DiscoveryConfig.js"
import { Identity } from "../services/Identity.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { Stats } from "../services/Stats.js"
import { Audience } from "./audience.js"
import { now, sleep } from "./core.js"
import { Signal } from "./signal.js"

/** What discovery is built from. */
export type Needs = DiscoveryConfig | NodeConfig | Identity | Stats

/** Something that does not work: its cause, and what a person can do. */
export interface Problem {
  readonly reason: string
  readonly detail: string
}

/** What came of sending. */
export interface Round {
  /** The interfaces that are listened on. */
  readonly interfaces: ReadonlyArray<Interface>
  /** The names of those by which beacons left. */
  readonly sent: ReadonlyArray<string>
  readonly datagrams: number
  readonly problems: ReadonlyArray<Problem>
}

/** Looks at the interfaces anew, listens on them and sends the beacons by each of them. */
export type Ether = (beacons: ReadonlyArray<Uint8Array>) => Effect.Effect<Round>

/** Takes what came in, with the address that it came from. */
export type Hear = (datagram: Uint8Array, host: string) => void

interface Core {
  readonly nodeId: NodeId
  /** Whether the node dials at all. */
  readonly dialling: boolean
  readonly key: string
  readonly network: string | undefined
  readonly config: Settings
  readonly limits: Limits
  readonly clock: Clock.Clock
  readonly random: Random.Random
  readonly stats: Stats["Type"]
  readonly hearing: Hearing
  readonly audience: Audience
  /** The ports that we announce, and whether there is a place for strangers. */
  readonly announced: Map<number, () => boolean>
  /** Raised when a beacon is due, or shall leave before its time. */
  readonly wake: Signal
  /** When the next beacon is due, monotonic milliseconds. */
  dueMillis: number
  /** Whether it is due. */
  due: boolean
  /** How many milliseconds a beacon may wait that shall leave before its time, if one shall. */
  early: number | undefined
  readonly greetings: TokenBucket
  /** What was ignored since the last beacon. */
  readonly ignored: Map<Ignored, number>
  /** The causes that were told and still stand. */
  told: ReadonlySet<string>
  /** Whether any other node was ever heard. */
  others: boolean
}

/** Discovery over what `open` opens. Beacons are heard once it is made, and leave once a port is announced. */
export const make = <R>(
  open: (hear: Hear) => Effect.Effect<Ether, never, R>
): Effect.Effect<Discovery["Type"], never, R | Needs | Scope.Scope> =>
  Effect.gen(function*() {
    const core = yield* makeCore
    const ether = yield* open((datagram, host) => hear(core, datagram, host))
    yield* beat(core, ether)
    yield* defer(core)
    for (const loop of [keepTime(core), keepBeating(core, ether)]) {
      yield* Effect.forkScoped(
        Effect.tapDefect(loop, (cause) => Effect.logError("a defect ended discovery", cause))
      )
    }
    return {
      listen: (listener) => core.audience.listen(listener),
      announce: (port, takesStrangers = () => true) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => {
            core.announced.set(port, takesStrangers)
            hurry(core, 0)
          }),
          () => Effect.sync(() => core.announced.delete(port))
        ))
    }
  })

const makeCore = Effect.gen(function*() {
  const config = yield* DiscoveryConfig
  const { dialling, id, limits, networkKey } = yield* NodeConfig
  const key = Beacon.keyOf((yield* Identity).peerId)
  const network = Option.getOrUndefined(
    Option.map(networkKey, (secret) => Beacon.networkOf(Redacted.value(secret)))
  )
  const core: Core = {
    nodeId: id,
    dialling,
    key,
    network,
    config,
    limits,
    clock: yield* Effect.clock,
    random: yield* Effect.random,
    stats: yield* Stats,
    hearing: new Hearing(key, network, limits),
    audience: new Audience(limits.earlyEvents),
    announced: new Map(),
    wake: new Signal(),
    dueMillis: 0,
    due: false,
    early: undefined,
    greetings: new TokenBucket(1_000 / config.intervalMillis, 1),
    ignored: new Map(),
    told: new Set(),
    others: false
  }
  return core
})

const hear = (core: Core, datagram: Uint8Array, host: string): void => {
  const nowMillis = now(core)
  const meaning = core.hearing.hear(datagram, host, nowMillis)
  if (meaning._tag === "Ignored") {
    core.ignored.set(meaning.why, (core.ignored.get(meaning.why) ?? 0) + 1)
    return
  }
  if (meaning._tag === "Repeated") {
    // A copy is a wish to dial, unless nothing is ever dialled.
    if (!meaning.own && core.dialling) core.stats.increment("connect_deduped")
    return
  }
  const { beacon, candidate, endpoint, newcomer, own } = meaning
  core.others ||= !own
  core.audience.report(received(beacon, endpoint.toString(), own))
  if (candidate !== undefined) core.audience.candidate(candidate)
  if (newcomer && core.greetings.take(nowMillis)) {
    const { beaconJitterMillis, beaconJitterPerNodeMillis } = core.limits
    hurry(core, Math.min(beaconJitterMillis, beaconJitterPerNodeMillis * core.hearing.nodes))
  }
}

// The usual forms written out, for this is made of every beacon.
const received = ({ full, key, nodeId }: Beacon.Beacon, endpoint: string, own: boolean): Report =>
  key === undefined
    ? { ev: "beacon.received", nodeId, endpoint, own }
    : full === undefined
    ? { ev: "beacon.received", nodeId, endpoint, key, own }
    : { ev: "beacon.received", nodeId, endpoint, key, own, full }

/** Has a beacon leave before its time, within so many milliseconds. */
const hurry = (core: Core, mostMillis: number): void => {
  core.early = Math.min(core.early ?? mostMillis, mostMillis)
  core.wake.raise()
}

/** Sets the time of the next beacon. */
const defer = (core: Core): Effect.Effect<void> => {
  const { config: { intervalMillis }, limits: { beaconJitter } } = core
  const millis = between(core, intervalMillis * (1 - beaconJitter), intervalMillis * (1 + beaconJitter))
  return Effect.map(millis, (wait) => {
    core.dueMillis = now(core) + wait
  })
}

/** Says when a beacon is due. */
const keepTime = (core: Core): Effect.Effect<never> =>
  Effect.gen(function*() {
    for (;;) {
      const wait = core.dueMillis - now(core)
      if (wait > 0) {
        yield* sleep(core, wait)
        continue
      }
      core.due = true
      core.wake.raise()
      yield* defer(core)
    }
  })

const keepBeating = (core: Core, ether: Ether): Effect.Effect<never> =>
  Effect.gen(function*() {
    const { silentIntervals } = core.limits
    for (let silent = 0;;) {
      if (!core.due && core.early === undefined) {
        yield* core.wake.next()
        continue
      }
      const early = !core.due
      if (early) {
        const most = core.early ?? 0
        if (most > 0) yield* sleep(core, yield* between(core, 0, most))
        yield* defer(core)
      }
      // Whoever wakes us from now on is not content with this beacon.
      core.due = false
      core.early = undefined
      const before = core.hearing.interfaces
      const healthy = yield* beat(core, ether)
      yield* logChanges(before, core.hearing.interfaces)
      if (!early && healthy && !core.others && ++silent === silentIntervals) {
        core.audience.report({ ev: "beacon.error", ...silence(core) })
      }
    }
  })

/** Whole milliseconds, for not every clock knows parts of one. */
const between = ({ random }: Core, leastMillis: number, mostMillis: number): Effect.Effect<number> =>
  random.nextIntBetween(Math.ceil(leastMillis), Math.floor(mostMillis) + 1)

/** Sends beacons and tells what is new; false if something does not work. */
const beat = (core: Core, ether: Ether): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const { audience, hearing, ignored } = core
    const beacons: Array<Uint8Array> = []
    for (const [port, takesStrangers] of core.announced) {
      beacons.push(yield* encode(core, port, takesStrangers()))
    }
    const round = yield* ether(beacons)
    hearing.interfaces = round.interfaces
    if (round.datagrams > 0) {
      audience.report({ ev: "beacon.sent", datagrams: round.datagrams, interfaces: round.sent })
    }
    if (ignored.size > 0) {
      const counts = [...ignored].map(([why, count]) => `${why}=${count}`).join(" ")
      yield* Effect.logDebug(`discovery: datagrams ignored: ${counts}`)
    }
    const problems = ignored.has("RateLimited") ? [...round.problems, flood(core)] : round.problems
    ignored.clear()
    for (const problem of problems) {
      if (!core.told.has(problem.detail)) audience.report({ ev: "beacon.error", ...problem })
    }
    core.told = new Set(problems.map(({ detail }) => detail))
    return problems.length === 0
  })

const encode = (core: Core, port: number, takesStrangers: boolean): Effect.Effect<Uint8Array> =>
  Effect.map(core.random.nextIntBetween(0, 2 ** 31), (nonce) =>
    Beacon.encode({
      nodeId: core.nodeId,
      port: Option.getOrElse(core.config.advertise, () => port),
      sentMillis: core.clock.unsafeCurrentTimeMillis(),
      nonce,
      version: Beacon.version,
      key: core.key,
      ...(core.network === undefined ? {} : { network: core.network }),
      ...(takesStrangers ? {} : { full: true })
    }))

/** Says which interfaces came and went. */
const logChanges = (
  before: ReadonlyArray<Interface>,
  after: ReadonlyArray<Interface>
): Effect.Effect<void> => {
  if (before === after) return Effect.void
  const labels = (interfaces: ReadonlyArray<Interface>) =>
    new Set(interfaces.map(({ address, name }) => `${name} (${address})`))
  const [old, now] = [labels(before), labels(after)]
  const came = [...now].filter((label) => !old.has(label))
  const went = [...old].filter((label) => !now.has(label))
  return Effect.zipRight(
    Effect.forEach(came, (label) => Effect.logInfo(`discovery: uses ${label}`)),
    Effect.forEach(went, (label) => Effect.logInfo(`discovery: lost ${label}`), { discard: true })
  )
}

const flood = ({ limits }: Core): Problem => ({
  reason: "RateLimited",
  detail: `beacons come faster than ${limits.beaconsPerAddressPerSecond} a second from one address or ` +
    `${limits.beaconsPerSecond} in all; what comes beyond is dropped`
})

const silence = ({ config, limits }: Core): Problem => ({
  reason: "Silence",
  detail: `no beacon of another node heard on UDP port ${config.port} (${config.mode}) for ` +
    `${limits.silentIntervals} intervals; if one should be there: are port and mode the same on all nodes, does the ` +
    `firewall allow UDP ${config.port}, and does the network pass ${config.mode} (guest Wi-Fi, containers and VPNs ` +
    "often do not)?"
})
