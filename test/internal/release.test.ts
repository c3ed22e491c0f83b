import { assert, describe, it } from "@effect/vitest"
import { release } from "../../src/internal/release.js"

describe("release", () => {
  it("frees what is long and fills its memory, in either way", () => {
    const long = new Uint8Array(65_536)
    const exact = Buffer.allocUnsafeSlow(16_384)
    release([long, exact])
    assert.deepStrictEqual([long.buffer.byteLength, long.length, exact.length], [0, 0, 0])
    // The way of later versions of Node: ours is asked for it and has it for a moment.
    const asked: Array<unknown> = []
    const later = new Uint8Array(16_384)
    Object.defineProperty(later.buffer, "transfer", { value: (length: number) => asked.push(length) })
    release([later])
    assert.deepStrictEqual(asked, [0])
  })

  it("leaves alone what is short, and what may share its memory", () => {
    const memory = new Uint8Array(65_536).fill(7)
    const shared = new Uint8Array(new SharedArrayBuffer(32_768))
    release([
      memory.subarray(1),
      memory.subarray(0, 65_535),
      new Uint8Array(memory.buffer, 0, 32_768),
      shared
    ])
    assert.isTrue(memory.length === 65_536 && memory.every((byte) => byte === 7))
    assert.strictEqual(shared.length, 32_768)
    const short = new Uint8Array(16_383)
    const pooled = Buffer.from("from the pool of Node")
    release([short, pooled])
    assert.strictEqual(short.length, 16_383)
    assert.strictEqual(pooled.toString(), "from the pool of Node")
  })

  it("does so as often as it is asked to", () => {
    for (let round = 0; round < 2_000; round++) {
      const bytes = new Uint8Array(65_536)
      release([bytes, bytes])
      assert.strictEqual(bytes.length, 0)
    }
  })
})
