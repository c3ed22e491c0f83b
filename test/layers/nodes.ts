/** Nodes on a network in memory, for tests under the test clock. */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { sign } from "node:crypto"
import type { Candidate } from "../../src/domain/Candidate.js"
import type { Counters } from "../../src/domain/Counters.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import type { MemoryNetwork } from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as NoBootstrap from "../../src/layers/NoBootstrap.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../../src/layers/StandardNode.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import { Discovery } from "../../src/services/Discovery.js"
import { Identity } from "../../src/services/Identity.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"
import { Transport, type TransportError } from "../../src/services/Transport.js"
import { read, write } from "./connections.js"

export interface Started {
  readonly node: Node["Type"]
  readonly stats: Stats["Type"]
  readonly counters: Effect.Effect<Counters>
  /** All that happened so far. */
  readonly events: ReadonlyArray<NodeEvent>
  readonly identity: Identity["Type"]
}

export interface Options extends Partial<Omit<NodeConfig.Settings, "id" | "limits" | "host">> {
  readonly host?: string
  readonly limits?: Partial<Limits.Limits>
  /** The key of an earlier node; a fresh one without it. */
  readonly identity?: Identity["Type"]
  /** One in memory, of its host, without it. */
  readonly transport?: Transport["Type"]
  /** What discovery hears; nothing without it. */
  readonly heard?: Stream.Stream<Candidate>
}

/** Starts a node that lives in the scope. Its host is 10.0.0.1 unless it says otherwise; its port is 9001. */
export const start = (
  id: string,
  { heard = Stream.empty, host = "10.0.0.1", identity, limits, transport, ...settings }: Options = {}
): Effect.Effect<Started, TransportError, MemoryNetwork | Scope.Scope> =>
  Effect.gen(function*() {
    const config = NodeConfig.layer({
      id: NodeId.make(id),
      port: 9001,
      ...settings,
      limits: { ...Limits.defaults, ...limits }
    })
    const layer = StandardNode.layer.pipe(
      Layer.provideMerge(StandardConnectionGuard.layer),
      Layer.provideMerge(StandardStats.layer),
      Layer.provideMerge(
        identity === undefined ? EphemeralIdentity.layer : Layer.succeed(Identity, identity)
      ),
      Layer.provide([
        transport === undefined ? MemoryTransport.layer({ host }) : Layer.succeed(Transport, transport),
        NodeEntropy.layer,
        Layer.succeed(Discovery, {
          listen: ({ candidate }) =>
            Effect.asVoid(
              Effect.forkScoped(Stream.runForEach(heard, (hint) => Effect.sync(() => candidate(hint))))
            ),
          announce: () => Effect.void
        }),
        NoBootstrap.layer,
        config
      ])
    )
    const services = yield* Layer.build(Layer.fresh(layer))
    const node = Context.get(services, Node)
    const stats = Context.get(services, Stats)
    const events: Array<NodeEvent> = []
    // It ends with the node's events, after the node.
    yield* Effect.forkDaemon(
      Stream.runForEachChunk(node.events, (chunk) =>
        Effect.sync(() => events.push(...Chunk.toReadonlyArray(chunk))))
    )
    yield* settle
    return { node, stats, counters: stats.snapshot, events, identity: Context.get(services, Identity) }
  })

/** A peer that dials 10.0.0.1:9001, shakes hands and from then on says only what it is told to say. */
export const silent = (
  host: string,
  id = "silent"
): Effect.Effect<
  {
    readonly say: (type: number, plaintext: Uint8Array) => Effect.Effect<void, TransportError>
    /** A frame, byte by byte. */
    readonly spell: (
      type: number,
      plaintext: Uint8Array
    ) => ReadonlyArray<Effect.Effect<void, TransportError>>
  },
  TransportError,
  MemoryNetwork | Scope.Scope
> =>
  Effect.gen(function*() {
    const transport = yield* MemoryTransport.make({ host })
    const connection = yield* transport.dial(endpoint())
    const { privateKey, publicKey } = NodeEntropy.make.signing()
    const initiator = new Initiator({
      identity: { publicKey, sign: (message) => sign(null, message, privateKey) },
      instance: NodeEntropy.make.bytes(16),
      nodeId: NodeId.make(id),
      listenPort: 0,
      capabilities: {},
      staticKey: NodeEntropy.make.keyAgreement(),
      networkKey: new Uint8Array(32),
      limits: Limits.defaults
    }, NodeEntropy.make.keyAgreement())
    yield* write(connection, [initiator.hello])
    while (true) {
      const step = initiator.receive(yield* Effect.orDie(Effect.flatten(read(connection))))
      if (step._tag === "Rejected") return yield* Effect.dieMessage(step.reason)
      if (step._tag === "Proven") break
    }
    const { frame, session } = initiator.finish({ connSeq: 1n, seenSeq: 0n })
    yield* write(connection, [frame])
    return {
      say: (type, plaintext) => write(connection, [session.seal(type, plaintext)]),
      spell: (type, plaintext) =>
        Array.from(session.seal(type, plaintext), (byte) => write(connection, [Uint8Array.of(byte)]))
    }
  })

/** Lets everything happen that needs no time: real work is synchronous, so a number of turns is enough. */
export const settle: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 100)

/** Lets time pass, in steps short enough that what a step wakes is done before the next. */
export const pass = (millis: number): Effect.Effect<void> =>
  Effect.repeatN(
    Effect.zipRight(TestClock.adjust(Math.min(millis, 500)), settle),
    Math.ceil(millis / 500) - 1
  )

export const endpoint = (host = "10.0.0.1", port = 9001): Endpoint.Endpoint => Endpoint.make(host, port)

export const states = (events: ReadonlyArray<NodeEvent>): ReadonlyArray<string> =>
  events.flatMap((event) => event.ev === "peer.state" ? [`${event.from}->${event.to} ${event.reason}`] : [])

export const session = (started: Started, index = 0): Effect.Effect<string | undefined> =>
  Effect.map(started.node.peers, (peers) => peers[index]?.session)

export const wanted = (...endpoints: ReadonlyArray<Endpoint.Endpoint>): Pick<Options, "connect"> => ({
  connect: endpoints
})
