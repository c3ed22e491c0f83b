import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "../../src/domain/Candidate.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as MemoryBootstrap from "../../src/layers/MemoryBootstrap.js"
import * as MemoryNetwork from "../../src/layers/MemoryNetwork.js"
import * as MemoryRegistry from "../../src/layers/MemoryRegistry.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as NoDiscovery from "../../src/layers/NoDiscovery.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../../src/layers/StandardNode.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { Bootstrap } from "../../src/services/Bootstrap.js"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import type { Identity } from "../../src/services/Identity.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { endpoint, pass, settle } from "../layers/nodes.js"

/** A node whose only source of peers is a registry. */
const start = <R>(
  id: string,
  host: string,
  bootstrap: Layer.Layer<Bootstrap, never, R | Identity | NodeConfig.NodeConfig>
) =>
  Effect.gen(function*() {
    const layer = StandardNode.layer.pipe(
      Layer.provide(bootstrap),
      Layer.provide([StandardConnectionGuard.layer, MemoryTransport.layer({ host })]),
      Layer.provideMerge(StandardStats.layer),
      Layer.provide(EphemeralIdentity.layer),
      Layer.provide([NodeEntropy.layer, NoDiscovery.layer]),
      Layer.provide(NodeConfig.layer({ id: NodeId.make(id), port: 9001 }))
    )
    const node = Context.get(yield* Layer.build(Layer.fresh(layer)), Node)
    const events: Array<NodeEvent> = []
    // It ends with the node's events, after the node.
    yield* Effect.forkDaemon(Stream.runForEach(node.events, (event) => Effect.sync(() => events.push(event))))
    yield* settle
    return { node, events }
  })

/** A registry that names what it is given. */
const naming = (candidates: ReadonlyArray<Candidate>): Layer.Layer<Bootstrap> =>
  Layer.succeed(Bootstrap, {
    candidates: Stream.fromIterable(candidates),
    reports: Stream.empty,
    announce: () => Effect.void
  })

/** The most dials that were under way at once. */
const mostInFlight = (events: ReadonlyArray<NodeEvent>): number => {
  let [now, most] = [0, 0]
  for (const event of events) {
    if (event.ev !== "peer.state") continue
    if (event.to === "Connecting") most = Math.max(most, ++now)
    if (event.to === "Closed") now--
  }
  return most
}

describe("what a registry names", () => {
  it.scoped("is dialled two times a second at most", () =>
    Effect.gen(function*() {
      const lies = Array.from({ length: 10_000 }, (_, at) => ({
        endpoint: endpoint("10.0.0.9", at + 1),
        nodeId: "liar"
      }))
      const { events, node } = yield* start("A", "10.0.0.1", naming(lies))
      yield* pass(10_000)
      const times = events.flatMap((event) =>
        event.ev === "dial.verdict" && event.verdict === "dial" ? [event.atMillis] : []
      )
      assert.isAtLeast(times.length, 20)
      for (const [at, time] of times.entries()) assert.isAtLeast(time - (times[at - 1] ?? -500), 500)
      assert.isTrue(Option.isNone(yield* node.explain(endpoint("10.0.0.9", 100))))
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("is dialled eight at a time at most, although they hang", () =>
    Effect.gen(function*() {
      const silent = yield* MemoryTransport.make({ host: "10.0.0.9" })
      const ports = Array.from({ length: 30 }, (_, at) => at + 1)
      for (const port of ports) {
        yield* silent.listen({ host: "10.0.0.9", port }, { admit: () => true, handle: () => Effect.never })
      }
      const hanging = ports.map((port) => ({ endpoint: endpoint("10.0.0.9", port), nodeId: "silent" }))
      const { events } = yield* start("A", "10.0.0.1", naming(hanging))
      yield* pass(25_000)
      assert.strictEqual(mostInFlight(events), 8)
      const failures = events.filter(({ ev }) => ev === "dial.failed").length
      assert.isAtLeast(failures, 24)
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("is met, and told of, until the goodbye", () =>
    Effect.gen(function*() {
      const registry = yield* MemoryRegistry.MemoryRegistry
      const bootstrap = (host: string) =>
        MemoryBootstrap.layer({ host }).pipe(
          Layer.provide(BootstrapConfig.layer({ url: new URL("http://registry") }))
        )
      const life = yield* Scope.make()
      const a = yield* Scope.extend(start("A", "10.0.0.1", bootstrap("10.0.0.1")), life)
      const b = yield* start("B", "10.0.0.2", bootstrap("10.0.0.2"))
      yield* settle
      assert.deepStrictEqual((yield* b.node.peers).map(({ nodeId, state }) => [nodeId, state]), [[
        "A",
        "Connected"
      ]])
      yield* pass(20_000)
      // Each names the other at every visit; nobody dials what is connected.
      assert.strictEqual(mostInFlight([...a.events, ...b.events]), 1)
      yield* Scope.close(life, Exit.void)
      yield* settle
      assert.deepStrictEqual((yield* registry.entries).map(({ node_id }) => node_id), ["B"])
      const told = a.events.flatMap((event) => event.ev === "registry.ok" ? [event.action] : [])
      assert.deepStrictEqual(told, ["announce", "pull", "announce", "pull", "leave"])
    }).pipe(Effect.provide([MemoryNetwork.layer, MemoryRegistry.layer])))
})
