import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { defaults } from "../../src/domain/Limits.js"
import { maxBody, minSealed, types } from "../../src/protocol/Envelope.js"
import { FrameReader } from "../../src/protocol/Frame.js"
import * as Message from "../../src/protocol/Message.js"
import { Outbox } from "../../src/protocol/Outbox.js"
import * as Varint from "../../src/protocol/Varint.js"
import { concat, hex, unhex } from "./bytes.js"
import { hear, nothing, pair, type SessionEvent } from "./sessions.js"

const ping = unhex("0102030405060708")
const all = Number.POSITIVE_INFINITY

/** Offers a message part by part and returns in how many. */
const offerParts = (outbox: Outbox, topic: string, payload: Uint8Array, nowMillis = 0): number => {
  let at = 0
  let parts = 0
  do {
    at = outbox.offerPart(topic, payload, at, nowMillis)
    parts++
  } while (at < payload.length)
  return parts
}

const offer = (outbox: Outbox, size: number, nowMillis = 0): void => {
  const payload = new Uint8Array(size).fill(size % 256)
  // Whole or part by part must be the same.
  if (size % 2 === 0) outbox.offerData("t", payload, () => nowMillis)
  else offerParts(outbox, "t", payload, nowMillis)
  // Whatever was offered has been copied.
  payload.fill(0xff)
}

/** What a peer hears of frames: each event in a word, and the types of the frames. */
const heard = (frames: ReadonlyArray<Uint8Array>) => {
  const { responder } = pair()
  const { events, failure } = hear(responder, concat(...frames))
  assert.isUndefined(failure)
  return events.map(word)
}

const word = (event: SessionEvent): string => {
  switch (event._tag) {
    case "Data":
      return `${event.topic} ${event.payload.length} ${event.payload[0] ?? "-"}`
    case "Ping":
    case "Pong":
      return `${event._tag} ${hex(event.data)}`
    default:
      return event._tag
  }
}

/** Seals what waits, and tells the frames apart. */
const flush = (outbox: Outbox, maxBytes: number): Array<Uint8Array> => {
  const reader = new FrameReader()
  reader.push(concat(...outbox.flush(maxBytes)))
  const frames: Array<Uint8Array> = []
  for (;;) {
    const body = reader.next(minSealed, maxBody)
    if (!(body instanceof Uint8Array)) break
    const prefix = new Uint8Array(Varint.size(body.length))
    Varint.write(prefix, 0, body.length)
    frames.push(concat(prefix, body))
  }
  assert.strictEqual(reader.buffered, 0)
  return frames
}

/** The type of a frame; these are all longer than 127 bytes or all shorter. */
const typeOf = (frame: Uint8Array): number => {
  const start = frame.indexOf(0x56)
  return frame[start + 8] ?? 0
}

/** Bytes of the frame of a message of so many, its topic one character. */
const frameBytes = (size: number): number =>
  pair().initiator.seal(types.Data, new Uint8Array(3 + size)).length

describe("Outbox", () => {
  it("has nothing to say when nothing waits", () => {
    const outbox = new Outbox(pair().initiator)
    assert.deepStrictEqual(flush(outbox, all), [])
    assert.strictEqual(outbox.bytes, 0)
    assert.isUndefined(outbox.oldestMillis)
  })

  it("sends a lone message as itself", () => {
    const outbox = new Outbox(pair().initiator)
    outbox.offerControl(types.Ping, ping, 0)
    const frames = flush(outbox, all)
    assert.deepStrictEqual(frames, [pair().initiator.seal(types.Ping, ping)])
  })

  it("sends what waits as one Bundle, in order", () => {
    const outbox = new Outbox(pair().initiator)
    outbox.offerControl(types.Ping, ping, 0)
    offer(outbox, 3)
    offer(outbox, 0)
    outbox.offerControl(types.Pong, ping, 0)
    const frames = flush(outbox, all)
    assert.deepStrictEqual(frames.map(typeOf), [types.Bundle])
    assert.deepStrictEqual(heard(frames), [`Ping ${hex(ping)}`, "t 3 3", "t 0 -", `Pong ${hex(ping)}`])
  })

  it("keeps Close and parts of messages out of a Bundle", () => {
    const outbox = new Outbox(pair().initiator)
    offer(outbox, 1)
    offer(outbox, 70_000)
    offer(outbox, 2)
    outbox.offerControl(types.Close, Message.encodeClose(1, ""), 0)
    const frames = flush(outbox, all)
    assert.deepStrictEqual(frames.map(typeOf), [types.Data, types.Data, types.Data, types.Data, types.Close])
    assert.deepStrictEqual(heard(frames), ["t 1 1", "t 70000 112", "t 2 2", "Close"])
  })

  it("says the same in the same order whatever is offered and whenever it is flushed", () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(300), fc.nat(20_000), fc.nat(140_000), fc.constant("flush" as const)), {
          maxLength: 25
        }),
        fc.integer({ min: 1, max: 200_000 }),
        (steps, maxBytes) => {
          const outbox = new Outbox(pair().initiator)
          const frames: Array<Uint8Array> = []
          for (const step of steps) {
            if (step === "flush") frames.push(...flush(outbox, maxBytes))
            else offer(outbox, step)
          }
          while (outbox.bytes > 0) {
            const some = flush(outbox, maxBytes)
            const total = some.reduce((sum, frame) => sum + frame.length, 0)
            assert.isTrue(some.length === 1 || (some.length > 1 && total <= maxBytes))
            frames.push(...some)
          }
          assert.isUndefined(outbox.oldestMillis)
          const sizes = steps.filter((step) => step !== "flush")
          assert.deepStrictEqual(
            heard(frames),
            sizes.map((size) => `t ${size} ${size === 0 ? "-" : size % 256}`)
          )
        }
      ),
      { numRuns: 200 }
    ))

  it("gathers for two peers at a time, each in memory of its own", () => {
    const fill = (outbox: Outbox, byte: number) =>
      outbox.offerData("t", new Uint8Array(16_000).fill(byte), () => 0)
    const empty = () => new Outbox(pair().initiator)
    const [before, one, other] = [empty(), empty(), empty()] as const
    for (let n = 0; n < 4; n++) fill(before, 9)
    flush(before, all)
    for (let n = 0; n < 4; n++) {
      fill(one, 1)
      fill(other, 2)
    }
    assert.deepStrictEqual(heard(flush(one, all)), Array.from({ length: 4 }, () => "t 16000 1"))
    assert.deepStrictEqual(heard(flush(other, all)), Array.from({ length: 4 }, () => "t 16000 2"))
  })

  it("needs few frames for many small messages", () => {
    const outbox = new Outbox(pair().initiator)
    for (let n = 0; n < 10_000; n++) offer(outbox, 100)
    const frames = flush(outbox, all)
    assert.strictEqual(frames.length, Math.ceil(10_000 / Math.floor(65_483 / (3 + 3 + 100))))
    assert.strictEqual(heard(frames).length, 10_000)
  })

  it.each([[16_309, 1], [16_310, 2]])(
    "fills a Bundle to the last byte: %d bytes more make %d frames",
    (size, count) => {
      const outbox = new Outbox(pair().initiator)
      for (const bytes of [16_381, 16_381, 16_381, size]) offer(outbox, bytes)
      const frames = flush(outbox, all)
      assert.strictEqual(frames.length, count)
      assert.strictEqual(frames[0]?.length, 3 + (count === 1 ? 65_536 : 50 + 3 + 3 * 16_389))
      assert.strictEqual(heard(frames).length, 4)
    }
  )

  it("counts what waits and since when", () => {
    const outbox = new Outbox(pair().initiator)
    offer(outbox, 20_000, 5)
    offer(outbox, 20_000, 7)
    outbox.offerControl(types.Ping, ping, 9)
    assert.strictEqual(outbox.bytes, 2 * 20_003 + 8)
    assert.strictEqual(outbox.oldestMillis, 5)
    assert.strictEqual(flush(outbox, 30_000).length, 1)
    assert.strictEqual(outbox.bytes, 20_003 + 8)
    assert.strictEqual(outbox.oldestMillis, 7)
    assert.strictEqual(flush(outbox, all).length, 2)
    assert.strictEqual(outbox.bytes, 0)
    assert.isUndefined(outbox.oldestMillis)
  })

  it("takes messages of several topics, and part by part or whole alike", () => {
    const outbox = new Outbox(pair().initiator)
    for (const topic of ["", "a", "b", "a", "\u00e9".repeat(32)]) {
      outbox.offerData(topic, Uint8Array.of(1), () => 0)
      assert.strictEqual(offerParts(outbox, topic, Uint8Array.of(2)), 1)
    }
    assert.deepStrictEqual(
      heard(flush(outbox, all)),
      ["", "a", "b", "a", "\u00e9".repeat(32)].flatMap((topic) => [`${topic} 1 1`, `${topic} 1 2`])
    )
    assert.throws(() => outbox.offerData("\n", nothing, () => 0), RangeError)
    assert.strictEqual(outbox.bytes, 0)
  })

  it("takes short messages one after the other, up to the first that is long", () => {
    const outbox = new Outbox(pair().initiator)
    const payloads = [1, 16_381, 16_382, 4].map((size) => new Uint8Array(size).fill(size % 256))
    const take = (from: number) => outbox.offerShort("t", payloads, from, defaults, () => 0)
    assert.deepStrictEqual([0, 2, 3, 4].map(take), [2, 2, 4, 4])
    assert.deepStrictEqual(heard(flush(outbox, all)), ["t 1 1", "t 16381 253", "t 4 4"])
  })

  it("takes short messages for as long as writers need not wait, and none longer than a message may be", () => {
    const outbox = new Outbox(pair().initiator)
    const payloads = [5, 5, 5, 6, 5].map((size) => new Uint8Array(size))
    const limits = { messageBytes: 5, sendQueueSoftBytes: 2 * (3 + 8) }
    const take = (from: number) => outbox.offerShort("t", payloads, from, limits, () => 0)
    assert.strictEqual(take(0), 2)
    assert.strictEqual(take(2), 2)
    outbox.flush(all)
    assert.strictEqual(take(2), 3)
    assert.strictEqual(take(3), 3)
  })

  it("asks for the time once for all that goes out together", () => {
    const outbox = new Outbox(pair().initiator)
    let asked = 0
    for (let n = 0; n < 100; n++) outbox.offerData("t", Uint8Array.of(n), () => ++asked)
    assert.strictEqual(asked, 1)
    assert.strictEqual(outbox.oldestMillis, 1)
  })

  it.each([100, 20_000])(
    "sends what fits to the last byte, a message of %d bytes behind two others",
    (size) => {
      const outbox = new Outbox(pair().initiator)
      const sizes = [20_000, 20_000, size]
      const fits = (bytes: number) => flush(outbox, bytes).length
      for (const one of sizes) offer(outbox, one)
      assert.strictEqual(fits(2 * frameBytes(20_000) - 1), 1)
      assert.strictEqual(fits(frameBytes(20_000) + frameBytes(size) - 1), 1)
      assert.strictEqual(fits(frameBytes(size)), 1)
      for (const one of sizes) offer(outbox, one)
      assert.strictEqual(fits(2 * frameBytes(20_000) + frameBytes(size)), 3)
    }
  )

  it("sends one frame at least, however little is asked for", () => {
    const outbox = new Outbox(pair().initiator)
    offer(outbox, 30_000)
    offer(outbox, 30_000)
    assert.strictEqual(flush(outbox, 1).length, 1)
    assert.strictEqual(flush(outbox, 1).length, 1)
    assert.deepStrictEqual(flush(outbox, 1), [])
  })

  it("keeps an empty message apart from none", () => {
    const outbox = new Outbox(pair().initiator)
    assert.strictEqual(offerParts(outbox, "", nothing), 1)
    assert.strictEqual(outbox.bytes, 2)
    assert.strictEqual(flush(outbox, all).length, 1)
  })

  it("cuts a message as its parts are cut", () =>
    fc.assert(
      fc.property(
        fc.constantFrom("", "chat", "größe"),
        fc.nat(4),
        fc.integer({ min: -9, max: 9 }),
        (topic, full, more) => {
          const payload = new Uint8Array(Math.max(0, full * 65_482 + more)).map((_, at) => at % 251)
          const [outbox, { initiator, responder }] = [new Outbox(pair().initiator), pair()]
          const parts = Message.parts(topic, payload)
          assert.strictEqual(offerParts(outbox, topic, payload), parts.length)
          const sent = concat(...outbox.flush(all))
          assert.isTrue(
            Buffer.from(sent).equals(concat(...parts.map((part) => initiator.seal(types.Data, part))))
          )
          const [event] = hear(responder, sent).events
          assert.isTrue(
            event?._tag === "Data" && event.topic === topic && Buffer.compare(event.payload, payload) === 0
          )
        }
      ),
      { numRuns: 100 }
    ))

  it("forgets what is not sealed, and what it says then still opens", () => {
    const outbox = new Outbox(pair().initiator)
    offer(outbox, 1)
    offer(outbox, 70_000)
    offer(outbox, 2)
    outbox.abandon()
    assert.strictEqual(outbox.bytes, 1 + 3 + 70_003 + 1)
    outbox.offerControl(types.Close, Message.encodeClose(10, ""), 0)
    assert.deepStrictEqual(heard(flush(outbox, all)), ["t 1 1", "t 70000 112", "Close"])
    assert.strictEqual(outbox.bytes, 0)
  })
})
