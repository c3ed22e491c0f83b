import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Varint from "../../src/protocol/Varint.js"
import { concat, flipped, hex, unhex } from "./bytes.js"

const body = (frame: Uint8Array): Uint8Array =>
  frame.subarray(Varint.size(Varint.read(frame, 0, frame.length)))
const payload = unhex("0102030405")

describe("Envelope", () => {
  it("begins a Hello as the protocol says", () => {
    const frame = Envelope.clear(Envelope.types.Hello, 1, new Uint8Array(48))
    assert.strictEqual(frame.length, 72)
    assert.strictEqual(hex(frame.subarray(0, 24)), "475650325002000000010001000000000000000000000030")
  })

  it("has the sizes of the protocol", () => {
    assert.strictEqual(Envelope.maxPlain, 65_483)
    assert.strictEqual(Envelope.minSealed, 51)
  })

  it("reads back what it wrote in clear", () =>
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(Number.MAX_SAFE_INTEGER),
        fc.uint8Array({ maxLength: 300 }),
        (type, id, sent) => {
          assert.deepStrictEqual(Envelope.readClear(body(Envelope.clear(type, id, sent)), type, id), sent)
        }
      ),
      { numRuns: 10_000 }
    ))

  it("accepts one form of an envelope only, and throws nothing", () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        (tail, whole) => {
          const bytes = whole ? concat(Envelope.header(4, 1, false), tail) : tail
          const read = Envelope.readClear(bytes, 4, 1)
          if (read instanceof Uint8Array) {
            assert.deepStrictEqual(body(Envelope.clear(4, 1, read)).slice(), bytes)
          }
        }
      ),
      { numRuns: 10_000 }
    ))

  it("judges header, type and length in this order", () => {
    const right = body(Envelope.clear(4, 1, payload))
    for (let bit = 0; bit < 8 * Envelope.headerBytes; bit++) {
      const inType = bit >> 3 === 8 || bit >> 3 === 9
      assert.strictEqual(
        Envelope.readClear(flipped(right, bit), 4, 1),
        inType ? "Unexpected" : "BadHeader",
        `bit ${bit}`
      )
    }
    const wrongType = body(Envelope.clear(1, 1, payload))
    assert.strictEqual(Envelope.readClear(wrongType, 4, 2), "BadHeader")
    assert.strictEqual(Envelope.readClear(concat(wrongType, payload), 4, 1), "Unexpected")
    assert.strictEqual(Envelope.readClear(concat(right, payload), 4, 1), "BadHeader")
    for (let length = 0; length < right.length; length++) {
      assert.strictEqual(Envelope.readClear(right.subarray(0, length), 4, 1), "BadHeader")
    }
  })

  it("knows version 1 by its header", () => {
    const legacy = unhex("5650325001000000010001000000000000000000000031")
    assert.strictEqual(Envelope.readClear(legacy, 1, 1), "LegacyPeer")
    const foreign = unhex("5650325101000000010001000000000000000000000031")
    assert.strictEqual(Envelope.readClear(foreign, 1, 1), "BadHeader")
    const major = unhex("5650325001010000010001000000000000000000000031")
    assert.strictEqual(Envelope.readClear(major, 1, 1), "BadHeader")
  })

  it("refuses a length that is not minimal", () => {
    const right = body(Envelope.clear(4, 1, payload))
    const long = concat(right.subarray(0, 22), Uint8Array.of(0x85, 0x00), payload)
    assert.strictEqual(Envelope.readClear(long, 4, 1), "BadHeader")
  })

  it("writes a count over every byte", () =>
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), fc.integer({ min: 0, max: 6 }), (any, bytes) => {
        for (const count of [any, 2 ** (8 * bytes), 2 ** (8 * bytes) - 1]) {
          const written = new Uint8Array(10).fill(0xee)
          Envelope.setCount(written, 1, count)
          const expected = new DataView(new ArrayBuffer(10))
          expected.setUint8(0, 0xee)
          expected.setBigUint64(1, BigInt(count), true)
          expected.setUint8(9, 0xee)
          assert.strictEqual(hex(written), hex(new Uint8Array(expected.buffer)))
        }
      })
    ))
})
