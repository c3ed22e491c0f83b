/** Two nodes in one process: one dials the other, sends it a message and gets an answer. */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Node, NodeId, TcpNode } from "vix"

const start = (id: string) =>
  Effect.map(
    Layer.build(TcpNode.layer({ id: NodeId.NodeId.make(id), host: Option.some("127.0.0.1") })),
    Context.get(Node.Node)
  )

export const program = Effect.scoped(Effect.gen(function*() {
  const alice = yield* start("alice")
  const bob = yield* start("bob")

  yield* Effect.forkScoped(
    Stream.runForEach(
      bob.messages,
      (message) => bob.send(message.from, "answer", message.payload.toReversed())
    )
  )
  const answer = yield* Effect.fork(Stream.runHead(alice.messages))

  const peer = yield* alice.connect(bob.address)
  yield* alice.send(peer.id, "question", new TextEncoder().encode("straw"))

  const message = yield* Effect.flatten(answer)
  const text = new TextDecoder().decode(message.payload)
  yield* Console.log(`${message.nodeId} sent "${text}" under the topic "${message.topic}"`)
  return text
}))
