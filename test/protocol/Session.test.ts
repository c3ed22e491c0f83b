import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Limits from "../../src/domain/Limits.js"
import * as Aead from "../../src/protocol/Aead.js"
import { maxPlain, types } from "../../src/protocol/Envelope.js"
import * as Message from "../../src/protocol/Message.js"
import type { Session } from "../../src/protocol/Session.js"
import { chunked, concat, flipped, hex, unhex } from "./bytes.js"
import {
  forge,
  type Forgery,
  hear,
  nothing,
  pair,
  type Received,
  type SessionEvent,
  vectors
} from "./sessions.js"

const ping = unhex("0102030405060708")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const data = (payload: string, topic = "t"): Message.Data => ({ _tag: "Data", topic, payload: text(payload) })

const sealed = (session: Session, message: Message.Message): Uint8Array =>
  session.seal(Message.typeOf(message), Message.encode(message))

/** What the responder makes of plaintexts that the initiator sends in one chunk at one time. */
const send = (
  messages: ReadonlyArray<readonly [type: number, plaintext: Uint8Array]>,
  limits = Limits.defaults
): Received => {
  const { initiator, responder } = pair(undefined, limits)
  return hear(responder, concat(...messages.map(([type, plaintext]) => initiator.seal(type, plaintext))), 0)
}

const sendMessages = (messages: ReadonlyArray<Message.Message>, limits = Limits.defaults): Received =>
  send(messages.map((message) => [Message.typeOf(message), Message.encode(message)]), limits)

const told = (reason: "ProtocolError" | "RateLimited") => ({ reason, answer: true })
const failureOf = (frame: Uint8Array) => hear(pair().responder, frame, 0)

const plain = (event: SessionEvent): unknown => {
  switch (event._tag) {
    case "Data":
      return [event.topic, hex(event.payload)]
    case "Ping":
    case "Pong":
      return [event._tag, hex(event.data)]
    default:
      return event
  }
}

/** The data of the only event of a chunk, a Ping or Pong. */
const only = ({ events, opened }: Received, tag: "Ping" | "Pong"): string => {
  const [event] = events
  assert.strictEqual(opened, 1)
  assert.strictEqual(event?._tag, tag)
  return event?._tag === tag ? hex(event.data) : ""
}

const times = <A>(count: number, value: A): ReadonlyArray<A> => Array.from({ length: count }, () => value)

/** Events of every kind, then a frame that breaks the protocol and one behind it. */
const stream = (session: Session) =>
  concat(
    session.seal(types.Ping, ping),
    sealed(session, { _tag: "Bundle", messages: [data("a"), { _tag: "Pong", data: ping }, data("b")] }),
    session.seal(99, nothing),
    sealed(session, { _tag: "Beginning", topic: "long", payload: text("be") }),
    sealed(session, { _tag: "Continuation", more: false, payload: text("gun") }),
    session.seal(types.Data, nothing),
    session.seal(types.Ping, ping)
  )

const frames = (session: Session): ReadonlyArray<Uint8Array> =>
  times(3, ping).map((value) => session.seal(types.Ping, value))

// Counting through the change of a key takes time on a busy machine.
const patience = 60_000

describe("Session, known answers", () => {
  it.each(vectors)("$name", (vector) => {
    const { initiator, responder } = pair(vector)
    const { transport } = vector
    const expectFrame = (name: string, frame: Uint8Array): void =>
      assert.strictEqual(hex(frame), transport[name])
    const value = unhex(only(hear(initiator, unhex(transport.r2i_n0_ping ?? ""), 0), "Ping"))
    expectFrame("r2i_n0_ping", responder.seal(types.Ping, value))
    expectFrame("i2r_n0_pong", initiator.seal(types.Pong, value))
    assert.strictEqual(
      only(hear(responder, unhex(transport.i2r_n0_pong ?? ""), 0), "Pong"),
      hex(value)
    )
    const [close] = hear(initiator, unhex(transport.r2i_n1_close_shutdown ?? ""), 0).events
    assert.deepInclude(close, { _tag: "Close", reason: "Shutdown" })
    const detail = close?._tag === "Close" ? close.detail : ""
    expectFrame("r2i_n1_close_shutdown", responder.seal(types.Close, Message.encodeClose(1, detail)))
    for (let n = 1; n < 65_535; n++) hear(responder, initiator.seal(types.Pong, value), 0)
    const last = unhex(transport.i2r_n65535_pong_last_before_rekey ?? "")
    const first = unhex(transport.i2r_n65536_pong_first_after_rekey ?? "")
    const lastValue = only(hear(responder, last, 0), "Pong")
    const firstValue = only(hear(responder, first, 0), "Pong")
    expectFrame("i2r_n65535_pong_last_before_rekey", initiator.seal(types.Pong, unhex(lastValue)))
    expectFrame("i2r_n65536_pong_first_after_rekey", initiator.seal(types.Pong, unhex(firstValue)))
  }, patience)
})

describe("Session", () => {
  it("has the id of its handshake", () => assert.strictEqual(pair().initiator.idText, "aa".repeat(32)))

  it("changes keys three times in both directions", () => {
    const { initiator, responder } = pair()
    for (let n = 0; n < 3 * 65_536 + 2; n++) {
      const there = hear(responder, initiator.seal(types.Pong, ping), 0)
      const back = hear(initiator, responder.seal(types.Pong, ping), 0)
      if (there.events.length !== 1 || back.events.length !== 1) assert.fail(`frame ${n} did not open`)
    }
  }, patience)

  it("leaves no copy of the next key in memory that others are given", () => {
    const key = new Aead.Key(unhex("01".repeat(32)))
    key.turn()
    const next = hex(key.bytes)
    key.bytes.fill(0)
    const { initiator } = pair()
    for (let n = 0; n < 65_536; n++) initiator.seal(types.Pong, ping)
    const pool = new Uint8Array(Buffer.allocUnsafe(1).buffer)
    assert.notInclude(hex(pool), next)
  }, patience)

  it("gives the same events however the stream is cut", () =>
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }),
        fc.array(fc.nat(3_000), { maxLength: 20 }),
        (payloads, cuts) => {
          const { initiator, responder } = pair()
          const stream = concat(
            ...payloads.map((payload) => sealed(initiator, { _tag: "Data", topic: "t", payload }))
          )
          const events = chunked(stream, cuts).flatMap((chunk) => hear(responder, chunk, 0).events)
          assert.deepStrictEqual(events.map(plain), payloads.map((payload) => ["t", hex(payload)]))
        }
      ),
      { numRuns: 1_000 }
    ))

  it("gives the same events byte by byte, failures included", () => {
    const whole = pair()
    const expected = hear(whole.responder, stream(whole.initiator), 0)
    const single = pair()
    const got = Array.from(
      stream(single.initiator),
      (byte) => hear(single.responder, Uint8Array.of(byte), 0)
    )
    assert.strictEqual(expected.events.length, 6)
    assert.deepStrictEqual(got.flatMap(({ events }) => events).map(plain), expected.events.map(plain))
    assert.strictEqual(got.reduce((sum, { opened }) => sum + opened, 0), expected.opened)
    assert.deepStrictEqual(got.at(-1)?.failure, told("ProtocolError"))
  })

  it("begins with the bytes that the handshake left over", () => {
    const frame = pair().initiator.seal(types.Ping, ping)
    const { responder } = pair(undefined, Limits.defaults, frame.subarray(0, 30))
    assert.strictEqual(hear(responder, nothing, 0).opened, 0)
    assert.strictEqual(hear(responder, frame.subarray(30), 0).opened, 1)
  })

  it("gives payloads that stay as they are", () => {
    const { initiator, responder } = pair()
    const frames = ["one", "two"].map((word) => sealed(initiator, data(word)))
    const [first] = hear(responder, frames[0] ?? nothing, 0).events
    frames[0]?.fill(0)
    hear(responder, frames[1] ?? nothing, 0)
    assert.deepStrictEqual(first && plain(first), ["t", hex(text("one"))])
  })

  it.each([
    [0, 0],
    [1, 1],
    [8_192, 0],
    [8_193, 0],
    [8_193, 1],
    [maxPlain, 3]
  ])("seals %d bytes, %d of them apart, in pieces that are the frame", (length, head) => {
    const plaintext = new Uint8Array(length).fill(3)
    assert.deepStrictEqual(
      concat(
        ...pair().initiator.sealInPieces(types.Data, plaintext.subarray(0, head), plaintext.subarray(head))
      ),
      concat(pair().initiator.seal(types.Data, plaintext))
    )
  })

  it("seals the longest plaintext and refuses a longer one", () => {
    const { initiator, responder } = pair()
    const longest = Message.parts("", new Uint8Array(maxPlain - 2))
    assert.strictEqual(longest.length, 1)
    assert.strictEqual(hear(responder, initiator.seal(types.Data, longest[0] ?? nothing), 0).opened, 1)
    assert.throws(() => initiator.seal(types.Data, new Uint8Array(maxPlain + 1)), RangeError)
  })
})

describe("Session, frames that are not the one due", () => {
  it("destroys for every bit of a frame that is turned", () => {
    const frame = pair().initiator.seal(types.Data, Message.encode(data("canary")))
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const { events, failure, opened } = failureOf(concat(flipped(frame, bit), new Uint8Array(70_000)))
      assert.strictEqual(events.length + opened, 0, `bit ${bit}`)
      assert.strictEqual(failure?.answer, false, `bit ${bit}`)
    }
  })

  it("waits at every truncation", () => {
    const frame = pair().initiator.seal(types.Ping, ping)
    for (let length = 0; length < frame.length; length++) {
      assert.deepStrictEqual(failureOf(frame.subarray(0, length)), { events: [], opened: 0 })
    }
  })

  it.each<[string, string, Forgery]>([
    ["an id that is skipped", "BadHeader", { id: 4 }],
    ["an id that has been", "BadHeader", { id: 2 }],
    ["another magic", "BadHeader", { header: (header) => header.fill(0x51, 3, 4) }],
    ["version 1", "LegacyPeer", { header: (header) => header.fill(1, 4, 5) }],
    ["another minor version", "BadHeader", { header: (header) => header.fill(1, 6, 7) }],
    ["another flag", "BadHeader", { header: (header) => header.fill(3, 18, 19) }],
    ["no flag", "BadHeader", { header: (header) => header.fill(0, 18, 19) }],
    ["a length too small", "BadHeader", { length: Uint8Array.of(7) }],
    ["a length too great", "BadHeader", { length: Uint8Array.of(9) }],
    ["a length that is not minimal", "BadHeader", { length: Uint8Array.of(0x88, 0) }],
    ["a byte behind the end", "BadHeader", { tail: Uint8Array.of(0) }],
    ["a nonce that is skipped", "ReplayOrReorder", { counter: 1 }],
    ["a nonce of the next key", "ReplayOrReorder", { counter: 65_536 }],
    ["another key", "DecryptFailed", { key: "03".repeat(32) }],
    ["the key of the other direction", "DecryptFailed", { key: "02".repeat(32) }],
    ["a wrong id before a wrong nonce", "BadHeader", { id: 4, counter: 1 }],
    ["a wrong length before a wrong nonce", "BadHeader", { length: Uint8Array.of(7), counter: 1 }],
    ["a wrong nonce before a wrong key", "ReplayOrReorder", { counter: 1, key: "03".repeat(32) }]
  ])("destroys for %s: %s", (_, reason, forgery) => {
    assert.deepStrictEqual(failureOf(forge(types.Ping, ping)), {
      events: [{ _tag: "Ping", data: ping }],
      opened: 1
    })
    assert.deepStrictEqual<unknown>(failureOf(forge(types.Ping, ping, forgery)), {
      events: [],
      opened: 0,
      failure: { reason, answer: false }
    })
  })

  it.each<[string, string, Uint8Array]>([
    ["a length of 0", "FrameLength", unhex("00")],
    ["a length of 50", "FrameLength", unhex("32")],
    ["a length of 65,537", "FrameLength", unhex("818004")],
    ["an endless length", "FrameLength", unhex("808080")]
  ])(
    "destroys for %s: %s",
    (_, reason, frame) => assert.deepStrictEqual<unknown>(failureOf(frame).failure, { reason, answer: false })
  )

  it("destroys for a frame that is repeated, skipped, sent back or of another session", () => {
    const repeated = pair()
    const [first = nothing] = frames(repeated.initiator)
    assert.strictEqual(hear(repeated.responder, first, 0).opened, 1)
    assert.deepInclude(hear(repeated.responder, first, 0), {
      failure: { reason: "BadHeader", answer: false }
    })
    const skipped = pair()
    assert.strictEqual(hear(skipped.responder, frames(skipped.initiator)[1] ?? nothing, 0).opened, 0)
    const reflected = pair()
    assert.strictEqual(hear(reflected.initiator, frames(reflected.initiator)[0] ?? nothing, 0).opened, 0)
    const other = pair(vectors[0])
    assert.deepInclude(hear(other.responder, first, 0), {
      failure: { reason: "DecryptFailed", answer: false }
    })
  })

  it("delivers what came before a failure and nothing after it", () => {
    const { initiator, responder } = pair()
    const good = sealed(initiator, data("good"))
    const frame = sealed(initiator, data("bad"))
    const bad = flipped(frame, 8 * frame.length - 1)
    const received = hear(responder, concat(good, bad, sealed(initiator, data("late"))), 0)
    assert.deepStrictEqual(received.events.map(plain), [["t", hex(text("good"))]])
    assert.deepStrictEqual(received.failure, { reason: "DecryptFailed", answer: false })
    assert.deepStrictEqual(hear(responder, initiator.seal(types.Ping, ping), 0), {
      events: [],
      opened: 0,
      failure: { reason: "DecryptFailed", answer: false }
    })
  })

  it("takes nothing after a Close", () => {
    const { initiator, responder } = pair()
    const close = initiator.seal(types.Close, Message.encodeClose(12, "too slow"))
    const received = hear(responder, concat(close, initiator.seal(types.Ping, ping)), 0)
    assert.deepStrictEqual(received, {
      events: [{ _tag: "Close", reason: "SlowPeer", detail: "too slow" }],
      opened: 1
    })
    assert.deepStrictEqual(hear(responder, new Uint8Array(200), 0), { events: [], opened: 0 })
  })

  it("knows a Close whose code it does not know", () =>
    assert.deepStrictEqual(send([[types.Close, Message.encodeClose(999, "")]]).events, [
      { _tag: "Close", reason: "ProtocolError", detail: "" }
    ]))
})

describe("Session, messages that break the protocol", () => {
  it.each([0, types.Hello, types.HelloAck, types.HelloFinish])(
    "answers a sealed frame of type %d",
    (type) =>
      assert.deepStrictEqual(send([[type, ping]]), { events: [], opened: 1, failure: told("ProtocolError") })
  )

  it.each([types.Ping, types.Pong, types.Close, types.Data, types.Bundle])(
    "answers a plaintext of type %d that does not parse",
    (type) => assert.deepStrictEqual(send([[type, nothing]]).failure, told("ProtocolError"))
  )

  it("checks a Bundle whole before it delivers any of it", () => {
    const good = Message.encode({ _tag: "Bundle", messages: [data("a"), data("b")] })
    assert.strictEqual(send([[types.Bundle, good]]).events.length, 2)
    const bad = concat(good, unhex("02000101"))
    assert.deepStrictEqual(send([[types.Bundle, bad]]), {
      events: [],
      opened: 1,
      failure: told("ProtocolError")
    })
    const long = sendMessages([{ _tag: "Bundle", messages: [data("a"), data("12345")] }], {
      ...Limits.defaults,
      messageBytes: 4
    })
    assert.deepStrictEqual(long, { events: [], opened: 1, failure: told("ProtocolError") })
  })

  const beginning: Message.Message = { _tag: "Beginning", topic: "long", payload: text("12") }
  const further = (payload: string, more: boolean): Message.Message => ({
    _tag: "Continuation",
    more,
    payload: text(payload)
  })

  it("joins the parts of a message, with Ping, Pong, Close and unknown types between them", () => {
    const { events, failure } = sendMessages([
      beginning,
      { _tag: "Ping", data: ping },
      further("", true),
      { _tag: "Bundle", messages: [{ _tag: "Pong", data: ping }] },
      further("345", true),
      further("6", false),
      data("next"),
      beginning,
      { _tag: "Close", code: 1, detail: "" }
    ])
    assert.isUndefined(failure)
    assert.deepStrictEqual(events.map(plain), [
      ["Ping", hex(ping)],
      ["Pong", hex(ping)],
      ["long", hex(text("123456"))],
      ["t", hex(text("next"))],
      { _tag: "Close", reason: "Shutdown", detail: "" }
    ])
  })

  it.each<[string, ReadonlyArray<Message.Message>]>([
    ["a continuation without a beginning", [further("1", false)]],
    ["a continuation after the end", [beginning, further("3", false), further("4", false)]],
    ["a beginning within a message", [beginning, beginning]],
    ["a whole message within a message", [beginning, data("x")]],
    ["a whole message within a message, in a Bundle", [beginning, { _tag: "Bundle", messages: [data("x")] }]]
  ])("answers %s", (_, messages) => {
    assert.deepStrictEqual(sendMessages(messages).failure, told("ProtocolError"))
  })

  it("takes a message of the greatest length and no longer one, whole or in parts", () => {
    const limits = { ...Limits.defaults, messageBytes: 5 }
    assert.strictEqual(sendMessages([data("12345")], limits).events.length, 1)
    assert.deepStrictEqual(sendMessages([data("123456")], limits).failure, told("ProtocolError"))
    assert.strictEqual(sendMessages([beginning, further("345", false)], limits).events.length, 1)
    const tooLong = sendMessages([beginning, further("3456", true)], limits)
    assert.deepStrictEqual(tooLong, { events: [], opened: 2, failure: told("ProtocolError") })
  })

  it.each([65_536, 200_000, Limits.defaults.messageBytes])("joins a message of %d bytes", (length) => {
    const sent = new Uint8Array(length).map((_, at) => at % 253)
    const { events } = send(Message.parts("big", sent).map((part) => [types.Data, part]))
    const [event] = events
    assert.isTrue(event?._tag === "Data" && Buffer.from(sent).equals(event.payload))
  })

  it("joins a message in parts of any sizes, empty ones among them", () =>
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 2, maxLength: 20 }), (parts) => {
        const { events } = sendMessages(parts.map((payload, at) =>
          at === 0
            ? { _tag: "Beginning", topic: "t", payload }
            : { _tag: "Continuation", more: at < parts.length - 1, payload }
        ))
        const [event] = events
        assert.strictEqual(events.length, 1)
        assert.isTrue(event?._tag === "Data" && Buffer.compare(event.payload, concat(...parts)) === 0)
      })
    ))
})

describe("Session, rates", () => {
  it("ignores unknown types, and says so", () =>
    assert.deepStrictEqual(send([[7, nothing], [12, ping], [0xffff, nothing]]).events, [
      { _tag: "Ignored", type: 7 },
      { _tag: "Ignored", type: 12 },
      { _tag: "Ignored", type: 0xffff }
    ]))

  it.each([["Pings", types.Ping], ["frames of unknown type", 99]] as const)(
    "closes for the 21st of %s in a second",
    (_, type) => {
      const received = send(times(22, [type, ping]))
      assert.strictEqual(received.events.length, 20)
      assert.strictEqual(received.opened, 21)
      assert.deepStrictEqual(received.failure, told("RateLimited"))
    }
  )

  it("counts Pings in a Bundle one by one", () => {
    const received = sendMessages([{
      _tag: "Bundle",
      messages: times(21, { _tag: "Ping", data: ping } as const)
    }])
    assert.strictEqual(received.events.length, 20)
    assert.deepStrictEqual(received.failure, told("RateLimited"))
  })

  it("counts Pongs and Data not at all", () =>
    assert.isUndefined(send(times(100, [types.Pong, ping])).failure))

  it("takes 20 Pings in every second, wherever the second begins", () => {
    const { initiator, responder } = pair()
    const at = (nowMillis: number) => hear(responder, initiator.seal(types.Ping, ping), nowMillis).failure
    for (let second = 0; second < 5; second++) {
      for (let n = 0; n < 20; n++) assert.isUndefined(at(500 + 1_000 * second + 10 * n))
    }
    assert.deepStrictEqual(at(5_499), told("RateLimited"))
  })
})
