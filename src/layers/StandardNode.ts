/**
 * The node: accepts, dials, shakes hands, keeps its peers and their sessions, and tells what happens.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Admission } from "../domain/Admission.js"
import type { Candidate } from "../domain/Candidate.js"
import type * as Endpoint from "../domain/Endpoint.js"
import type { NodeEvent } from "../domain/NodeEvent.js"
import type { PeerId } from "../domain/PeerId.js"
import * as PeerState from "../domain/PeerState.js"
import { PeerTable } from "../domain/PeerTable.js"
import { type Core, describe, heard, linkWith, now, publish } from "../internal/core.js"
import { Deadline } from "../internal/deadline.js"
import * as Dialler from "../internal/dialler.js"
import { heartbeat } from "../internal/heartbeat.js"
import { Hub } from "../internal/hub.js"
import { accept } from "../internal/inbound.js"
import { begin, run } from "../internal/lifecycle.js"
import { close, drop, type Link } from "../internal/link.js"
import { Nonces } from "../internal/nonces.js"
import { Once } from "../internal/once.js"
import { offer, send, sendAll } from "../internal/outgoing.js"
import { paced } from "../internal/paced.js"
import { Received } from "../internal/received.js"
import { together } from "../internal/turns.js"
import * as Crypto from "../protocol/Crypto.js"
import { Ephemerals } from "../protocol/Ephemerals.js"
import { Bootstrap } from "../services/Bootstrap.js"
import { ConnectionGuard } from "../services/ConnectionGuard.js"
import { Discovery } from "../services/Discovery.js"
import { Entropy } from "../services/Entropy.js"
import { Identity } from "../services/Identity.js"
import { Node, type Peer } from "../services/Node.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { Stats } from "../services/Stats.js"
import { Transport, type TransportError } from "../services/Transport.js"
import { Witness } from "../services/Witness.js"

/** What a node is built from. @since 0.1.0 */
export type Parts =
  | NodeConfig
  | Transport
  | ConnectionGuard
  | Stats
  | Identity
  | Entropy
  | Discovery
  | Bootstrap

/**
 * Listens, and stops in order when the scope closes: every peer hears a goodbye within `Limits.stopMillis`. Fails if
 * it cannot listen.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<Node["Type"], TransportError, Parts | Scope.Scope> = Effect.flatMap(
  FiberRef.get(FiberRef.currentScheduler),
  (scheduler) => Effect.withScheduler(heard(Effect.suspend(() => conduct)), together(scheduler))
)

/** @since 0.1.0 */
export const layer: Layer.Layer<Node, TransportError, Parts> = Layer.scoped(Node, make)

const conduct: typeof make = Effect.gen(function*() {
  const core = yield* makeCore
  const { settings } = core
  const dialler = yield* Dialler.make(core)
  const listening = new Once<void>()
  const address = yield* core.transport.listen(
    { host: Option.getOrUndefined(settings.host), port: settings.port },
    {
      admit: (remote) => admit(core, remote),
      handle: (connection) =>
        Effect.zipRight(
          listening.wait,
          // What has begun must come to its end, so nothing may interrupt in between.
          Effect.uninterruptible(Effect.suspend(() => {
            if (core.stopping) return Effect.void
            const link = begin(core, "inbound", connection.remote)
            core.admission.opened(link.conn, connection.remote.host)
            return run(core, link, () => accept(core, link, connection))
          }))
        )
    }
  )
  // Before anybody shakes hands: what a party says does not change afterwards.
  core.party.listenPort = address.port
  listening.done(Effect.void)
  yield* Effect.forkScoped(heartbeat(core))
  for (const deadline of Object.values(core.deadlines)) yield* Effect.forkScoped(deadline.watch(core))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      core.events.end()
      core.messages.end()
    })
  )
  yield* Effect.forEach(settings.connect, (endpoint) => dialler.want(endpoint, settings.connectDelayMillis))
  yield* meet(core, dialler, address.port)
  // Added last and so done first: peers hear the goodbye before a registry is told.
  yield* Effect.addFinalizer(() => stop(core))

  publish(core, { ev: "listening", address: address.host, port: address.port, key: core.peerId })

  return {
    id: settings.id,
    peerId: core.peerId,
    address,
    connect: dialler.connect,
    want: (endpoint) => dialler.want(endpoint, 0),
    disconnect: (peer) => Effect.sync(() => disconnect(core, peer)),
    peers: Effect.sync(() => peers(core)),
    events: core.events.stream,
    send: (peer, topic, payload) => send(core, peer, topic, payload),
    offer: (peer, topic, payload) => offer(core, peer, topic, payload),
    sendAll: (peer, topic, payloads) => sendAll(core, peer, topic, payloads),
    messages: core.messages.stream,
    receive: (take) => core.messages.receive(take),
    messagesDropped: Effect.sync(() => core.messages.dropped),
    explain: (endpoint) => Effect.sync(() => core.guard.explain(endpoint))
  }
})

const openNetwork = new Uint8Array(32)

const makeCore = Effect.gen(function*() {
  const settings = yield* NodeConfig
  const { limits } = settings
  const entropy = yield* Entropy
  const identity = yield* Identity
  const { peerId } = identity
  const instance = entropy.bytes(16)
  const core: Core = {
    settings,
    limits,
    peerId,
    own: { peerId, instance: Crypto.hex(instance), nodeId: settings.id },
    party: {
      identity,
      instance,
      nodeId: settings.id,
      listenPort: 0,
      capabilities: settings.capabilities,
      staticKey: entropy.keyAgreement(),
      // A getter: what prints this object does not print the key.
      get networkKey() {
        return Option.match(settings.networkKey, { onNone: () => openNetwork, onSome: Redacted.value })
      },
      limits
    },
    clock: yield* Effect.clock,
    random: yield* Effect.random,
    scheduler: yield* FiberRef.get(FiberRef.currentScheduler),
    transport: yield* Transport,
    guard: yield* ConnectionGuard,
    stats: yield* Stats,
    entropy,
    nonces: new Nonces(),
    deadlines: {
      dial: new Deadline(limits.dialMillis),
      handshake: new Deadline(limits.handshakeMillis),
      close: new Deadline(limits.closeMillis),
      challenge: new Deadline(limits.idChallengeMillis)
    },
    table: new PeerTable(limits),
    admission: new Admission(limits),
    ephemerals: new Ephemerals<Link>(limits),
    links: new Map(),
    arrivals: new Map(),
    lost: new Map(),
    events: new Hub<NodeEvent>({ limit: limits.mailboxEvents, early: limits.earlyEvents, sizeOf: () => 1 }),
    messages: new Hub<Received>({
      limit: limits.mailboxBytes,
      early: 0,
      // What an object takes beside its bytes: a peer can send empty messages by the million.
      sizeOf: ({ size }) => size + 64,
      packing: { memoryOf: ({ memory }) => memory, pack: Received.pack }
    }),
    witness: yield* Witness,
    connections: 0,
    dials: 0,
    stopping: false
  }
  return core
})

/** Whether a newcomer gets a place; one that has said nothing yet may have to make room for it. */
const admit = (core: Core, remote: Endpoint.Endpoint): boolean => {
  if (core.stopping) return false
  const verdict = core.admission.admit(remote.host, now(core))
  if (verdict.admitted && verdict.evict !== undefined) core.links.get(verdict.evict)?.end(drop("Busy"))
  return verdict.admitted
}

/** Dials what discovery and the registry name, through the guard. */
const meet = (core: Core, dialler: Dialler.Dialler, port: number) =>
  Effect.gen(function*() {
    const discovery = yield* Discovery
    const bootstrap = yield* Bootstrap
    yield* follow(bootstrap.reports, (report) => Effect.sync(() => publish(core, report)))
    yield* discovery.listen({
      report: (report) => publish(core, report),
      candidate: yield* hints(core, dialler)
    })
    const { deferMillis } = core.limits
    const silence = core.settings.connect.length > 0 && core.settings.dialling ? deferMillis : 0
    const announce = discovery.announce(port, () => core.table.takesStrangers)
    yield* Effect.forkScoped(Effect.delay(announce, silence))
    yield* bootstrap.announce(port)
    yield* follow(bootstrap.candidates, paced(dialler, core.limits))
  })

/** Takes what comes for as long as the node lives. A node without a registry has no fibers for one. */
const follow = <A, R>(
  stream: Stream.Stream<A>,
  take: (one: A) => Effect.Effect<void, never, R>
): Effect.Effect<void, never, R | Scope.Scope> =>
  stream === Stream.empty
    ? Effect.void
    : Effect.asVoid(Effect.forkScoped(Stream.runForEach(stream, take)))

/**
 * Dials where hints point to. The one of two strangers with the greater key waits a moment, for they hear each other
 * at the same time and one dial is enough.
 */
const hints = (core: Core, dialler: Dialler.Dialler) =>
  Effect.map(FiberSet.makeRuntime<never>(), (start) => {
    const courteous = new Set<string>()
    return ({ endpoint, key }: Candidate): void => {
      // The dialler says so, too; here, it keeps a full node from waiting for each of them.
      if (core.table.full || !core.settings.dialling) return
      const { deferMillis, hintsWaiting } = core.limits
      if (key === undefined || core.peerId < key || deferMillis === 0 || isMet(core, key)) {
        dialler.attempt(endpoint, "automatic", key)
        return
      }
      const place = endpoint.toString()
      if (courteous.has(place) || courteous.size >= hintsWaiting) return
      courteous.add(place)
      const dial = Effect.sync(() => {
        courteous.delete(place)
        dialler.attempt(endpoint, "automatic", key)
      })
      start(Effect.zipRight(Effect.sleep(deferMillis), dial))
    }
  })

/** Whether there is a connection with the peer whose key begins so. */
const isMet = (core: Core, prefix: string): boolean => {
  for (const { proven } of core.links.values()) if (proven?.peerId.startsWith(prefix) === true) return true
  return false
}

/** Says goodbye to all peers at once. */
const stop = (core: Core): Effect.Effect<void> =>
  Effect.gen(function*() {
    core.stopping = true
    const links = [...core.links.values()]
    for (const link of links) link.end({ ...close("Shutdown"), reason: "Stopped" })
    yield* Effect.forEach(links, (link) => link.gone.wait, { discard: true }).pipe(
      // A finalizer cannot be interrupted, and so what is in it would not be by its time limit.
      Effect.interruptible,
      Effect.timeoutOption(core.limits.stopMillis)
    )
    for (const link of core.links.values()) link.hush()
  })

const disconnect = (core: Core, peer: PeerId): boolean => {
  const link = linkWith(core, peer)
  link?.end({ ...close("Shutdown"), reason: "Disconnected" })
  return link !== undefined
}

const peers = (core: Core): ReadonlyArray<Peer> => {
  const shown = new Map<PeerId, Peer>()
  for (const link of core.links.values()) {
    const { conn, proven, state } = link
    if (proven === undefined || !PeerState.isLive(state)) continue
    // A session that was replaced may take a moment to go.
    const isInForce = core.table.current(proven.peerId)?.conn === conn
    if (isInForce || !shown.has(proven.peerId)) shown.set(proven.peerId, describe(link, proven))
  }
  for (const id of core.table.lost(now(core)).keys()) {
    const peer = core.lost.get(id)
    if (peer !== undefined && !shown.has(id)) shown.set(id, peer)
  }
  return [...shown.values()]
}
