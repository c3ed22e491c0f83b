import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Unfinished } from "../../src/protocol/Unfinished.js"
import { concat } from "./bytes.js"

const lengths = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 9_000 })), {
  minLength: 1,
  maxLength: 60
})

describe("Unfinished", () => {
  it("gives the bytes that came, in few pieces however short the parts were", () =>
    fc.assert(fc.property(lengths, fc.nat({ max: 50 }), (lengths, from) => {
      const sent = lengths.map((length, at) => new Uint8Array(from + length).fill(at))
      const message = new Unfinished("topic")
      sent.forEach((part, at) => {
        assert.isTrue(message.add(part, from, at < sent.length - 1, Number.POSITIVE_INFINITY))
      })
      const all = concat(...sent.map((part) => part.subarray(from)))
      assert.strictEqual(Buffer.compare(concat(...message.parts), all), 0)
      // A part that stays where it is has at least 4 KiB, or is the last one.
      assert.isAtMost(message.parts.length, 2 + all.length / 2_048)
    })))

  it("refuses the part with which it would be too long", () => {
    const message = new Unfinished("topic")
    assert.isTrue(message.add(new Uint8Array(6), 1, true, 10))
    assert.isTrue(message.add(new Uint8Array(5), 0, true, 10))
    assert.isFalse(message.add(new Uint8Array(1), 0, true, 10))
  })
})
