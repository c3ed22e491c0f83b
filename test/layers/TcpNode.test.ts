import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import * as TcpNode from "../../src/layers/TcpNode.js"
import * as Crypto from "../../src/protocol/Crypto.js"
import { fromKeyPair, Identity } from "../../src/services/Identity.js"
import { Node } from "../../src/services/Node.js"
import { eventually } from "../hostile/subject.js"

const start = (id: string) =>
  Effect.map(
    Layer.build(TcpNode.layer({ id: NodeId.make(id), host: Option.some("127.0.0.1") })),
    Context.get(Node)
  )

describe("TcpNode", () => {
  // Not more than the buffers of the system hold: beyond, an answer may well find no space.
  it.scopedLive.each([
    { count: 20_000, size: 20 },
    { count: 50, size: 16_000 },
    { count: 8, size: 100_000 },
    { count: 3, size: 300_000 },
    { count: 1, size: 1_048_576 }
  ])(
    "answers each of $count messages of $size bytes in the step in which it comes",
    ({ count, size }) =>
      Effect.gen(function*() {
        const server = yield* start("server")
        const client = yield* start("client")
        let refused = 0
        yield* Effect.fork(server.receive((messages) => {
          for (const { from, payload } of messages) {
            if (!server.offer(from, "answer", payload)) refused++
          }
        }))
        let answers = 0
        let bytes = 0
        yield* Effect.fork(client.receive((messages) => {
          for (const { payload } of messages) {
            answers++
            bytes += payload.length
          }
        }))
        const peer = yield* client.connect(Endpoint.make("127.0.0.1", server.address.port))
        yield* client.sendAll(peer.id, "", Array.from({ length: count }, () => new Uint8Array(size)))
        yield* eventually(Effect.sync(() => answers + refused >= count))
        assert.deepStrictEqual({ refused, answers, bytes }, {
          refused: 0,
          answers: count,
          bytes: count * size
        })
      }),
    20_000
  )

  it.live("bears the identity that it is given", () =>
    Effect.gen(function*() {
      const pair = Crypto.keyPair("Ed25519", new Uint8Array(32).fill(7))
      const settings = { id: NodeId.make("kept"), host: Option.some("127.0.0.1") }
      const life = Effect.gen(function*() {
        const identity = Layer.sync(Identity, () => fromKeyPair(pair))
        const node = Context.get(yield* Layer.build(TcpNode.layer(settings, { identity })), Node)
        const other = yield* start("other")
        return [node.peerId, (yield* other.connect(node.address)).id]
      }).pipe(Effect.scoped)
      const peerId = PeerId.fromKey(pair.publicKey)
      assert.deepStrictEqual([...yield* life, ...yield* life], [peerId, peerId, peerId, peerId])
    }))
})
