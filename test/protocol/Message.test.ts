import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { types } from "../../src/protocol/Envelope.js"
import * as Message from "../../src/protocol/Message.js"
import { concat, unhex } from "./bytes.js"

const runs = { numRuns: 10_000 }
const data8 = fc.uint8Array({ minLength: 8, maxLength: 8 })
const payload = fc.uint8Array({ maxLength: 200 })
const topic = fc.oneof(
  fc.string({ maxLength: 64 }),
  fc.string({ maxLength: 16, unit: "binary" }),
  fc.constantFrom("", "chat", "größe", "部屋")
).filter(Message.isTopic)

const item: fc.Arbitrary<Message.Item> = fc.oneof(
  fc.record({ _tag: fc.constant("Ping" as const), data: data8 }),
  fc.record({ _tag: fc.constant("Pong" as const), data: data8 }),
  fc.record({ _tag: fc.constant("Data" as const), topic, payload })
)

const message: fc.Arbitrary<Message.Message> = fc.oneof(
  item,
  fc.record({
    _tag: fc.constant("Close" as const),
    code: fc.nat(0xffff),
    detail: fc.string({ maxLength: 64, unit: "grapheme-ascii" })
  }),
  fc.record({ _tag: fc.constant("Beginning" as const), topic, payload }),
  fc.record({ _tag: fc.constant("Continuation" as const), more: fc.boolean(), payload }),
  fc.record({
    _tag: fc.constant("Bundle" as const),
    messages: fc.array(item, { minLength: 1, maxLength: 6 })
  })
)

/** Bytes near a valid plaintext: some bytes of it changed, its end cut or something behind it. */
const nearby = fc.tuple(
  message,
  fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 2 }),
  fc.nat(4),
  fc.uint8Array({ maxLength: 3 })
)
  .map(([from, changes, cut, tail]) => {
    const bytes = Message.encode(from)
    const copy = concat(bytes.subarray(0, Math.max(0, bytes.length - cut)), tail)
    for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte
    return [Message.typeOf(from), copy] as const
  })

const anything = fc.tuple(fc.nat(20), fc.uint8Array({ maxLength: 120 }))

const canonical = ([type, bytes]: readonly [number, Uint8Array]): void => {
  const read = Message.decode(type, bytes)
  if (read === undefined) return
  assert.strictEqual(Message.typeOf(read), type)
  assert.deepStrictEqual(Message.encode(read), bytes)
}

const decode = (type: number, text: string): Message.Message | undefined => Message.decode(type, unhex(text))
const ping = "02000801020304050607 08".replaceAll(" ", "")

describe("Message", () => {
  it("reads back what it wrote", () =>
    fc.assert(
      fc.property(message, (sent) => {
        assert.deepStrictEqual(Message.decode(Message.typeOf(sent), Message.encode(sent)), sent)
      }),
      runs
    ))

  it("accepts one form of a message only, and throws nothing", () => {
    fc.assert(fc.property(nearby, canonical), runs)
    fc.assert(fc.property(anything, canonical), runs)
  })

  it.each<[string, number, string]>([
    ["a Ping of 7 bytes", types.Ping, "01020304050607"],
    ["a Pong of 9 bytes", types.Pong, "010203040506070809"],
    ["an empty Close", types.Close, ""],
    ["a Close without length", types.Close, "0100"],
    ["a Close cut short", types.Close, "01000241"],
    ["a Close with something behind it", types.Close, "01000041"],
    ["a Close with an escape character", types.Close, "0100011b"],
    ["a Close with DEL", types.Close, "0100017f"],
    ["a Close with a byte above ASCII", types.Close, "010001c3"],
    ["a Close whose detail is too long", types.Close, `010041${"41".repeat(65)}`],
    ["empty Data", types.Data, ""],
    ["Data without topic", types.Data, "00"],
    ["Data with an undefined part bit", types.Data, "0400"],
    ["Data with the highest part bit", types.Data, "8000"],
    ["Data whose topic is longer than it", types.Data, "000261"],
    ["Data whose topic is too long", types.Data, `0041${"61".repeat(65)}`],
    ["Data whose topic length is not minimal", types.Data, "00810061"],
    ["a topic that is not UTF-8", types.Data, "0001ff"],
    ["a topic with an overlong form", types.Data, "0002c080"],
    ["a topic with a surrogate", types.Data, "0003eda080"],
    ["a topic with a line feed", types.Data, "00010a"],
    ["a topic with an escape character", types.Data, "00011b"],
    ["a topic with a byte order mark", types.Data, "0003efbbbf"],
    ["a topic with a right-to-left override", types.Data, "0003e280ae"],
    ["a topic with a space at its end", types.Data, "00026120"],
    ["an empty Bundle", types.Bundle, ""],
    ["a Bundle cut within a type", types.Bundle, "02"],
    ["a Bundle cut before a length", types.Bundle, "0200"],
    ["a Bundle cut within an item", types.Bundle, ping.slice(0, -2)],
    ["a Bundle whose second item is wrong", types.Bundle, `${ping}0200020102`],
    ["a Bundle with a length that is not minimal", types.Bundle, "020088000102030405060708"],
    ["a Bundle with a Bundle", types.Bundle, `11000b${ping}`],
    ["a Bundle with a Close", types.Bundle, "060003010000"],
    ["a Bundle with the beginning of a message", types.Bundle, "1000020100"],
    ["a Bundle with a continuation", types.Bundle, "10000102"],
    ["a Bundle with an unknown type", types.Bundle, "630000"],
    ["a Bundle with a Hello", types.Bundle, "010000"]
  ])("refuses %s", (_, type, text) => assert.isUndefined(decode(type, text)))

  it("takes a topic of 64 bytes and one with a space within", () => {
    assert.deepStrictEqual(decode(types.Data, `0040${"61".repeat(64)}07`), {
      _tag: "Data",
      topic: "a".repeat(64),
      payload: Uint8Array.of(7)
    })
    assert.isDefined(decode(types.Data, "0003612062"))
  })

  it("cuts a message into parts that fill frames and give it back", () =>
    fc.assert(
      fc.property(
        fc.constantFrom("", "chat", "größe"),
        fc.nat(4),
        fc.integer({ min: -9, max: 9 }),
        (name, full, more) => {
          const sent = new Uint8Array(Math.max(0, full * 65_482 + more)).map((_, at) => at % 251)
          const cut = Message.parts(name, sent)
          const read = cut.map((part) => Message.decode(types.Data, part))
          const [first, ...others] = read
          assert.isTrue(cut.every((part, at) => part.length === 65_483 || at === cut.length - 1))
          if (first?._tag === "Data") assert.strictEqual(others.length, 0)
          else assert.strictEqual(first?._tag, "Beginning")
          others.forEach((part, at) => {
            assert.strictEqual(part?._tag === "Continuation" && part.more, at < others.length - 1)
          })
          const joined = concat(
            ...read.map((part) => part !== undefined && "payload" in part ? part.payload : sent)
          )
          assert.isTrue(Buffer.from(sent).equals(joined))
        }
      ),
      { numRuns: 100 }
    ))

  it("keeps a copy of what is sent, not the sender's memory", () => {
    const mine = Uint8Array.of(1, 2, 3)
    const [part] = Message.parts("", mine)
    mine.fill(9)
    assert.deepStrictEqual(part, unhex("0000010203"))
  })

  it("knows a topic from what is none", () => {
    assert.isTrue(["", "a", "a b", "größe", "x".repeat(64)].every(Message.isTopic))
    const wrong = [
      "x".repeat(65),
      "ü".repeat(33),
      " a",
      "a ",
      " ",
      "a\nb",
      "\u001b[31m",
      "\u202e",
      "\ud800",
      "\ufeff"
    ]
    assert.isFalse(wrong.some(Message.isTopic))
    for (const topic of wrong) assert.throws(() => Message.parts(topic, new Uint8Array(0)), RangeError)
  })

  it("says goodbye in printable ASCII, whatever detail it is given", () => {
    const detail = `\u001b[31mgr\u00fc\u00dfe\n${"x".repeat(80)}`
    assert.deepStrictEqual(Message.decode(types.Close, Message.encodeClose(0x0102, detail)), {
      _tag: "Close",
      code: 0x0102,
      detail: `[31mgre${"x".repeat(57)}`
    })
  })
})
