/** The main job, told in words: two nodes meet, shake hands, exchange a message, print their counters and stop. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Counters, Node, type NodeEvent, NodeId, Reason, Stats, TcpNode } from "vix"

const program = Effect.gen(function*() {
  const began = yield* Clock.currentTimeNanos
  const tell = (who: string, what: string) =>
    Effect.flatMap(Clock.currentTimeNanos, (now) => {
      const millis = (Number(now - began) / 1e6).toFixed(1).padStart(7)
      return Console.log(`${millis} ms  ${who}  ${what}`)
    })

  const start = Effect.fnUntraced(function*(id: string) {
    const settings = { id: NodeId.NodeId.make(id), host: Option.some("127.0.0.1") }
    const services = yield* Layer.build(TcpNode.layer(settings))
    const node = Context.get(services, Node.Node)
    yield* Effect.forkScoped(Stream.runForEach(node.events, (event) => {
      const words = inWords(event)
      return words === undefined ? Effect.void : tell(id, words)
    }))
    return { node, stats: Context.get(services, Stats.Stats) }
  })

  yield* Console.log("Two nodes, A and B, in this process, over TCP on loopback.\n")
  const a = yield* start("A")
  const b = yield* start("B")

  yield* Effect.forkScoped(
    Stream.runForEach(a.node.messages, ({ from, nodeId, payload, topic }) =>
      Effect.zipRight(
        tell("A", `got ${quoted(payload)} from ${nodeId}, topic "${topic}"; answers`),
        a.node.send(from, "answer", bytes("hello, B"))
      ))
  )
  const answer = yield* Effect.fork(Stream.runHead(b.node.messages))

  const peer = yield* b.node.connect(a.node.address)
  // The story of the handshake is told to its end before it goes on.
  yield* Effect.sleep("20 millis")
  yield* tell("B", "sends \"hello, A\"")
  yield* b.node.send(peer.id, "greeting", bytes("hello, A"))
  const { nodeId, payload } = yield* Effect.flatten(answer)
  yield* tell("B", `got ${quoted(payload)} from ${nodeId}`)

  const counters = [["A", yield* a.stats.snapshot], ["B", yield* b.stats.snapshot]] as const
  yield* b.node.disconnect(peer.id)
  yield* Effect.sleep("50 millis")

  yield* Console.log("\nTheir counters before the goodbye:")
  for (const [id, values] of counters) yield* Console.log(`  ${id}  ${Counters.format(values)}`)
  yield* Console.log("\nNow in two terminals of your own:")
  yield* Console.log("  node dist/bin/vix.cjs p2p --id A --listen 9001")
  yield* Console.log("  node dist/bin/vix.cjs p2p --id B --listen 9002 --connect 127.0.0.1:9001")
})

/** What an event means, for those that tell this story. */
const inWords = (event: NodeEvent.NodeEvent): string | undefined => {
  switch (event.ev) {
    case "listening":
      return `listens on ${event.address}:${event.port}; its key is ${event.key.slice(0, 16)}...`
    case "peer.state":
      return `${event.endpoint}: ${event.from} -> ${event.to}: ${Reason.textOf(event.reason)}${
        event.to === "Connected" ? `; it is ${event.nodeId}, session ${event.session?.slice(0, 16)}...` : ""
      }`
    default:
      return undefined
  }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const quoted = (payload: Uint8Array) => JSON.stringify(new TextDecoder().decode(payload))

NodeRuntime.runMain(Effect.scoped(program))
