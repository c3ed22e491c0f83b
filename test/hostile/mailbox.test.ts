/** What a peer can make a node remember by messages that nobody takes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Message from "../../src/protocol/Message.js"
import { fresh, join, type Peer } from "./peer.js"
import { start } from "./subject.js"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")
const { types } = Envelope

type Item = readonly [type: number, plaintext: Uint8Array]

/** A Bundle of items and as many Pongs as find room behind them, which nobody has asked for. */
const bundle = (most: number, ...items: ReadonlyArray<Item>): Uint8Array => {
  const all = [...items]
  let length = all.reduce((sum, [, { length }]) => sum + Message.itemHead(length) + length, 0)
  const pong = Message.itemHead(Message.pingBytes) + Message.pingBytes
  for (; length + pong <= most; length += pong) all.push([types.Pong, fresh(Message.pingBytes)])
  const bytes = new Uint8Array(length)
  all.reduce((at, [type, item]) => Message.writeItem(bytes, at, type, item), 0)
  return bytes
}

/** A message without a topic. */
const data = (length: number): Uint8Array => new Uint8Array(2 + length)

const speeches: ReadonlyArray<readonly [string, number, (peer: Peer) => Effect.Effect<void>]> = (() => {
  const byte = bundle(Envelope.maxPlain, [types.Data, data(1)])
  const long = bundle(Envelope.maxPlain, [types.Data, data(1)], [types.Data, data(60_000)])
  // As many as fill 8 KiB of the memory that short ones share.
  const pongs = bundle(12_000)
  return [
    ["a byte in a long frame", 200, (peer) => peer.say(types.Bundle, byte)],
    ["a byte beside what finds no room", 200, (peer) => peer.say(types.Bundle, long)],
    [
      "a byte in memory that others share",
      1_200,
      (peer) => Effect.zipRight(peer.say(types.Data, data(1)), peer.say(types.Bundle, pongs))
    ]
  ]
})()

describe("a mailbox of 1 MiB takes little more memory than that", () => {
  it.scopedLive.each(speeches)("for %s", ([, times, speak]) =>
    Effect.gen(function*() {
      const { node, until } = yield* start()
      yield* Effect.forkScoped(Stream.runForEach(node.messages, () => Effect.never))
      const peer = yield* join(node.address)
      yield* until("peer.state", ({ to }) => to === "Connected")
      // The subscriber is busy with the first one for ever.
      yield* peer.say(types.Data, data(1))
      yield* peer.ping
      gc()
      const before = process.memoryUsage().arrayBuffers
      yield* Effect.repeatN(speak(peer), times - 1)
      yield* peer.ping
      gc()
      yield* Effect.sleep(200)
      gc()
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 4 * 2 ** 20)
    }), 60_000)
})
