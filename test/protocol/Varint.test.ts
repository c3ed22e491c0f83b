import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Varint from "../../src/protocol/Varint.js"

const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)
const read = (source: Uint8Array): number => Varint.read(source, 0, source.length)
const runs = { numRuns: 10_000 }

describe("Varint", () => {
  it("reads back what it wrote, wherever it stands", () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Varint.max }), fc.nat(9), (value, at) => {
        const target = new Uint8Array(at + 4).fill(0xff)
        const end = Varint.write(target, at, value)
        assert.strictEqual(end, at + Varint.size(value))
        assert.strictEqual(Varint.read(target, at, end), value)
        assert.strictEqual(target[end], 0xff)
      }),
      runs
    ))

  it("accepts one form of a number only", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5 }), (source) => {
        const value = read(source)
        if (value < 0) return
        const again = new Uint8Array(Varint.size(value))
        Varint.write(again, 0, value)
        assert.deepStrictEqual(source.slice(0, again.length), again)
      }),
      runs
    ))

  it.each<[string, Uint8Array, number]>([
    ["nothing", bytes(), Varint.more],
    ["zero", bytes(0), 0],
    ["2^7 - 1", bytes(0x7f), 127],
    ["2^7", bytes(0x80, 0x01), 128],
    ["2^7 + 1", bytes(0x81, 0x01), 129],
    ["2^14 - 1", bytes(0xff, 0x7f), 16_383],
    ["2^14", bytes(0x80, 0x80, 0x01), 16_384],
    ["2^14 + 1", bytes(0x81, 0x80, 0x01), 16_385],
    ["2^21 - 1", bytes(0xff, 0xff, 0x7f), 2_097_151],
    ["2^21", bytes(0x80, 0x80, 0x80, 0x01), Varint.wrong],
    ["2^28", bytes(0x80, 0x80, 0x80, 0x80, 0x01), Varint.wrong],
    ["2^63", bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), Varint.wrong],
    ["the first byte of two", bytes(0x80), Varint.more],
    ["the first two bytes of three", bytes(0x80, 0x80), Varint.more],
    ["three bytes that go on", bytes(0x80, 0x80, 0x80), Varint.wrong],
    ["zero in two bytes", bytes(0x80, 0x00), Varint.wrong],
    ["one in two bytes", bytes(0x81, 0x00), Varint.wrong],
    ["128 in three bytes", bytes(0x80, 0x81, 0x00), Varint.wrong]
  ])("%s", (_, source, expected) => assert.strictEqual(read(source), expected))

  it("does not look behind the end it was given", () => {
    assert.strictEqual(Varint.read(bytes(0x80, 0x01), 0, 1), Varint.more)
  })
})
