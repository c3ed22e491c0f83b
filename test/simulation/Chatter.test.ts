import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Node } from "../../src/services/Node.js"
import * as Chatter from "../../src/simulation/Chatter.js"
import { networkOf, numbered, pass } from "./worlds.js"

const sessions = 1_100

it("goes on in every session, however many live", () => {
  const peers = Array.from({ length: sessions }, (_, at) => ({
    id: `peer ${at}`,
    session: at.toString(16).padStart(64, "0"),
    state: "Connected"
  }))
  const said = new Map<string, number>()
  const send = (peer: string, _: string, message: Uint8Array) =>
    Effect.sync(() => {
      const number = Buffer.from(message).readUInt32BE(64)
      assert.strictEqual(number, (said.get(peer) ?? 0) + 1)
      said.set(peer, number)
    })
  const node = { peerId: "ab".repeat(32), peers: Effect.succeed(peers), send }
  const { network, process } = numbered(networkOf(), 1)
  const talk = process.run(Effect.provideService(Chatter.talk, Node, node as unknown as Node["Type"]))
  pass(network.world, 8 * sessions * 2_000)
  assert.isNull(talk.unsafePoll())
  assert.strictEqual(said.size, sessions)
})
