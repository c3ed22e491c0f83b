/** The node under attack, on real sockets of loopback, and what can be seen of it. */
import { assert } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import { readdirSync } from "node:fs"
import type { Endpoint } from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { PeerState } from "../../src/domain/PeerState.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NoBootstrap from "../../src/layers/NoBootstrap.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as NoDiscovery from "../../src/layers/NoDiscovery.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../../src/layers/StandardNode.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import * as TcpTransport from "../../src/layers/TcpTransport.js"
import { Entropy } from "../../src/services/Entropy.js"
import { Identity } from "../../src/services/Identity.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"
import { Transport } from "../../src/services/Transport.js"

export interface Options extends Partial<Omit<NodeConfig.Settings, "limits">> {
  readonly limits?: Partial<Limits.Limits>
  readonly identity?: Identity["Type"]
  readonly transport?: Transport["Type"]
  readonly entropy?: Entropy["Type"]
}

type Ev = NodeEvent["ev"]

export interface Subject {
  readonly node: Node["Type"]
  readonly stats: Stats["Type"]
  /** All that happened so far. */
  readonly events: ReadonlyArray<NodeEvent>
  /** The first event of that kind, past or to come, of which `is` holds. */
  readonly until: <E extends Ev>(
    ev: E,
    is?: (event: Extract<NodeEvent, { readonly ev: E }>) => boolean
  ) => Effect.Effect<Extract<NodeEvent, { readonly ev: E }>>
  /** Waits until that many connections have ended. */
  readonly ended: (count: number) => Effect.Effect<void>
  /** Waits until all connections that began have ended. */
  readonly idle: Effect.Effect<void>
  /** Forgets all events so far; only while the node is idle. */
  readonly forget: () => void
  /** How many fibers run in the node. */
  readonly fibers: Effect.Effect<number>
}

/** A node on a free port of 127.0.0.1 that lives in the scope. */
export const start = (
  { entropy, identity, limits, transport, ...settings }: Options = {}
): Effect.Effect<Subject, never, Scope.Scope> =>
  Effect.gen(function*() {
    const layer = StandardNode.layer.pipe(
      Layer.provideMerge(StandardConnectionGuard.layer),
      Layer.provideMerge(StandardStats.layer),
      Layer.provideMerge(
        identity === undefined ? EphemeralIdentity.layer : Layer.succeed(Identity, identity)
      ),
      Layer.provide([
        transport === undefined ? TcpTransport.layer : Layer.succeed(Transport, transport),
        entropy === undefined ? NodeEntropy.layer : Layer.succeed(Entropy, entropy),
        NoDiscovery.layer,
        NoBootstrap.layer,
        NodeConfig.layer({
          id: NodeId.make("subject"),
          host: Option.some("127.0.0.1"),
          ...settings,
          limits: { ...Limits.defaults, ...limits }
        })
      ])
    )
    const supervisor = Supervisor.unsafeTrack()
    const services = yield* Effect.orDie(Effect.supervised(Layer.build(Layer.fresh(layer)), supervisor))
    const { connect, ...rest } = Context.get(services, Node)
    // A dial is a child of whoever wishes for it.
    const node = { ...rest, connect: (to: Endpoint) => Effect.supervised(connect(to), supervisor) }
    const events: Array<NodeEvent> = []
    const changed = Effect.unsafeMakeLatch()
    yield* Effect.forkScoped(Stream.runForEachChunk(node.events, (chunk) =>
      Effect.sync(() => {
        events.push(...Chunk.toReadonlyArray(chunk))
        changed.unsafeOpen()
      })))
    const change = Effect.suspend(() => {
      changed.unsafeClose()
      return changed.await
    })
    const until: Subject["until"] = (ev, is = () => true) => {
      type Wanted = Extract<NodeEvent, { readonly ev: typeof ev }>
      const wanted = (event: NodeEvent): event is Wanted => event.ev === ev && is(event as Wanted)
      const search: Effect.Effect<Wanted> = Effect.suspend(() => {
        const found = events.find(wanted)
        return found === undefined ? Effect.zipRight(change, search) : Effect.succeed(found)
      })
      return search
    }
    // What only begins and ends with the start is over by then, also what waits for a timer without a delay.
    yield* Effect.sleep(2)
    yield* Effect.repeatN(turn, 20)
    const wait = (holds: () => boolean): Effect.Effect<void> =>
      Effect.suspend(() => holds() ? Effect.void : Effect.zipRight(change, wait(holds)))
    return {
      node,
      stats: Context.get(services, Stats),
      events,
      until,
      ended: (count) => wait(() => changes(events, "to", "Closed") >= count),
      idle: wait(() => changes(events, "to", "Closed") === changes(events, "from", "Disconnected")),
      forget: () => void events.splice(0),
      fibers: Effect.map(supervisor.value, ({ length }) => length)
    }
  })

const changes = (events: ReadonlyArray<NodeEvent>, end: "from" | "to", state: PeerState): number =>
  events.reduce((count, event) => event.ev === "peer.state" && event[end] === state ? count + 1 : count, 0)

/** One turn of the event loop. */
export const turn: Effect.Effect<void> = Effect.async((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Looks again and again until it holds, at most 5 s; whoever asked asserts afterwards. */
export const eventually = (holds: Effect.Effect<boolean>): Effect.Effect<void> =>
  turn.pipe(
    Effect.zipRight(holds),
    Effect.repeat({ until: (yes) => yes }),
    Effect.timeoutOption("5 seconds"),
    Effect.asVoid
  )

/** Asserts that something comes back to a number. */
export const returns = (to: number, count: Effect.Effect<number>): Effect.Effect<void> =>
  Effect.zipRight(
    eventually(Effect.map(count, (now) => now === to)),
    Effect.map(count, (now) => assert.strictEqual(now, to))
  )

/** How many sockets, pipes and files this process has open. */
export const descriptors: Effect.Effect<number> = Effect.sync(() => readdirSync("/proc/self/fd").length)

/** The sockets and servers that keep this process alive. */
export const resources: Effect.Effect<number> = Effect.sync(() =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length
)
