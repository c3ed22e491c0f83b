import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as NodeId from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import * as Beacon from "../../src/protocol/Beacon.js"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (datagram: string) => new TextEncoder().encode(datagram)

const original =
  `{"node_id":"A","tcp_port":9001,"ts_ms":1710000000000,"nonce":123,"cap":{"transport":"tcp","proto":"1.0"}}`

const digits = (count: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: count, maxLength: count })
const nodeId = fc.string({ unit: "binary", minLength: 1, maxLength: 64 }).filter((id) =>
  NodeId.problem(id) === undefined
)
  .map((id) => NodeId.NodeId.make(id))
const beacon = fc.record({
  nodeId,
  port: fc.integer({ min: 1, max: 65_535 }),
  sentMillis: fc.maxSafeNat(),
  nonce: fc.maxSafeNat(),
  version: fc.constantFrom("1.0", "2.0", "2.17"),
  key: digits(16),
  network: digits(8),
  full: fc.constant(true as const)
}, { requiredKeys: ["nodeId", "port", "sentMillis", "nonce", "version"] })

describe("Beacon", () => {
  it("is sent as the first version writes it, with our members at the end", () => {
    const plain: Beacon.Beacon = {
      nodeId: NodeId.NodeId.make("A"),
      port: 9_001,
      sentMillis: 1_710_000_000_000,
      nonce: 123,
      version: "2.0"
    }
    assert.strictEqual(text(Beacon.encode(plain)), original.replace("1.0", "2.0"))
    assert.strictEqual(
      text(Beacon.encode({ ...plain, key: "00112233445566ff", network: "deadbeef" })),
      original.replace(`"1.0"`, `"2.0","key":"00112233445566ff","net":"deadbeef"`)
    )
    assert.strictEqual(
      text(Beacon.encode({ ...plain, full: true })),
      original.replace(`"1.0"`, `"2.0","full":"1"`)
    )
  })

  it("of an original node is understood, but leads to no dial", () => {
    const decoded = Either.getOrThrow(Beacon.decode(bytes(original)))
    assert.deepEqual(decoded, {
      nodeId: NodeId.NodeId.make("A"),
      port: 9_001,
      sentMillis: 1_710_000_000_000,
      nonce: 123,
      version: "1.0"
    })
    assert.isFalse(Beacon.isDiallable(decoded))
    assert.isTrue(Beacon.isDiallable({ ...decoded, version: "2.9" }))
    assert.isFalse(Beacon.isDiallable({ ...decoded, version: "20.0" }))
  })

  it("of a node without a place leads to no dial, and what else a later version means by that does", () => {
    const says = (full: string) =>
      Either.getOrThrow(Beacon.decode(bytes(original.replace(`"1.0"`, `"2.1","full":${full}`))))
    assert.isFalse(Beacon.isDiallable(says("\"1\"")))
    for (const other of ["\"0\"", "1", "true", "null", "{}"]) assert.isTrue(Beacon.isDiallable(says(other)))
  })

  it("is the same when it was heard before, though its bytes have gone on to something else", () => {
    const some = [
      original,
      original.replace("9001", "9002"),
      original.replace("1.0", "1.x"),
      "{",
      original + " "
    ]
    fc.assert(fc.property(fc.array(fc.nat(some.length - 1)), (order) => {
      const memory = new Uint8Array(Beacon.maxBytes)
      for (const at of order) {
        const datagram = bytes(some[at] ?? "")
        memory.set(datagram)
        const decoded = Beacon.decode(memory.subarray(0, datagram.length))
        if (at === 2) assert.deepStrictEqual(decoded, Either.left("Malformed"))
        else if (at === 3) assert.deepStrictEqual(decoded, Either.left("NotJson"))
        else assert.strictEqual(Either.getOrThrow(decoded).port, at === 1 ? 9_002 : 9_001)
      }
    }))
  })

  it("comes back as it was, and never exceeds a datagram", () => {
    fc.assert(
      fc.property(beacon, (sent) => {
        const datagram = Beacon.encode(sent)
        assert.isTrue(Beacon.isLikely(datagram))
        assert.deepStrictEqual(Either.getOrThrow(Beacon.decode(datagram)), sent)
      }),
      { numRuns: 10_000 }
    )
    const longest = NodeId.NodeId.make("\"".repeat(64))
    const most = Number.MAX_SAFE_INTEGER
    const sent = { nodeId: longest, port: 65_535, sentMillis: most, nonce: most, version: "2.0" }
    assert.isAtMost(
      Beacon.encode({ ...sent, key: "0".repeat(16), network: "0".repeat(8), full: true }).length,
      Beacon.maxBytes
    )
  })

  it("is decoded from any bytes without a throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (datagram) => {
      assert.isTrue(Either.isLeft(Beacon.decode(datagram)))
    }))
    fc.assert(fc.property(fc.json(), (json) => {
      assert.isTrue(Either.isLeft(Beacon.decode(bytes(json))))
    }))
    fc.assert(fc.property(fc.nat({ max: original.length - 1 }), (length) => {
      assert.isTrue(Either.isLeft(Beacon.decode(bytes(original.slice(0, length)))))
    }))
  })

  it.each([
    ["port 0", original.replace("9001", "0")],
    ["port 65536", original.replace("9001", "65536")],
    ["port -1", original.replace("9001", "-1")],
    ["port as text", original.replace("9001", "\"9001\"")],
    ["port with a fraction", original.replace("9001", "9001.5")],
    ["port without end", original.replace("9001", "1e999")],
    ["no port", original.replace("\"tcp_port\":9001,", "")],
    ["no id", original.replace("\"node_id\":\"A\",", "")],
    ["an empty id", original.replace("\"A\"", "\"\"")],
    ["an id with an escape code", original.replace("\"A\"", "\"\\u001b[31mA\"")],
    ["an id that turns the text round", original.replace("\"A\"", "\"\\u202eA\"")],
    ["an id with half a character", original.replace("\"A\"", "\"\\ud800\"")],
    ["an id that is too long", original.replace("\"A\"", `"${"A".repeat(65)}"`)],
    ["a time without end", original.replace("1710000000000", "1e999")],
    ["no capabilities", original.replace(/,"cap".*/, "}")],
    ["capabilities as a list", original.replace(/"cap".*/, "\"cap\":[]}")],
    ["another transport", original.replace("\"tcp\"", "\"quic\"")],
    ["a version that is none", original.replace("\"1.0\"", "\"latest\"")],
    ["a key of another length", original.replace("}}", ",\"key\":\"0011\"}}")],
    ["a key in capitals", original.replace("}}", ",\"key\":\"00112233445566FF\"}}")],
    ["a network that is no text", original.replace("}}", ",\"net\":12345678}}")],
    ["a list", `[${original}]`],
    ["null", "null"]
  ])("with %s is malformed", (_, datagram) => {
    assert.deepStrictEqual(Beacon.decode(bytes(datagram)), Either.left("Malformed"))
  })

  it.each([
    ["a byte order mark", bytes(`\ufeff${original}`)],
    ["bytes that are no UTF-8", Uint8Array.of(...bytes(original), 0xff)],
    ["something after it", bytes(`${original}x`)],
    ["nothing at all", new Uint8Array()]
  ])("with %s is no JSON", (_, datagram) => {
    assert.deepStrictEqual(Beacon.decode(datagram), Either.left("NotJson"))
  })

  it("over 512 bytes is not read", () => {
    const long = original.replace("}}", `,"x":"${"x".repeat(512 - original.length - 7)}"}}`)
    assert.deepStrictEqual([long.length, Either.isRight(Beacon.decode(bytes(long)))], [512, true])
    assert.deepStrictEqual(Beacon.decode(bytes(`${long} `)), Either.left("TooLong"))
    assert.isFalse(Beacon.isLikely(bytes(`${long} `)))
  })

  it("may hold members of later versions, and names like those of every object", () => {
    const later = original.replace("\"A\"", "\"A\",\"__proto__\":{\"tcp_port\":1},\"constructor\":0")
      .replace("}}", ",\"toString\":1}}")
    assert.strictEqual(Either.getOrThrow(Beacon.decode(bytes(later))).port, 9_001)
  })

  it("names a key by 16 digits and a network by 8 of a hash", () => {
    const peerId = PeerId.fromKey(Uint8Array.from({ length: 32 }, (_, at) => at))
    assert.strictEqual(Beacon.keyOf(peerId), "0001020304050607")
    // printf 'vp2p network' and 32 bytes 01, through sha256sum
    assert.strictEqual(Beacon.networkOf(new Uint8Array(32).fill(1)), "11d63635")
  })
})
