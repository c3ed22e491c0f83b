import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { hkdfSync } from "node:crypto"
import * as Hkdf from "../../src/protocol/Hkdf.js"
import { concat, hex } from "./bytes.js"
import { bytes, nothing } from "./parties.js"

const outputs = (count: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, () => new Uint8Array(32))

const derived = (chainingKey: Uint8Array, material: Uint8Array, count: number): string => {
  const filled = outputs(count)
  Hkdf.derive(chainingKey, material, filled)
  return hex(concat(...filled))
}

const materials = fc.uint8Array({ maxLength: 64 })

describe("derive", () => {
  it("is HKDF-SHA256 with an empty info", () =>
    fc.assert(fc.property(bytes(32), materials, (chainingKey, material) => {
      const expected = hex(new Uint8Array(hkdfSync("sha256", material, chainingKey, nothing, 96)))
      for (const count of [1, 2, 3]) {
        assert.strictEqual(derived(chainingKey, material, count), expected.slice(0, 64 * count))
      }
    })))

  it("may write over the chaining key and the material", () =>
    fc.assert(fc.property(bytes(32), bytes(32), (chainingKey, material) => {
      const expected = derived(chainingKey, material, 2)
      Hkdf.derive(chainingKey, material, [chainingKey, material])
      assert.strictEqual(hex(concat(chainingKey, material)), expected)
    })))

  it("depends on nothing that was derived before", () =>
    fc.assert(fc.property(bytes(32), materials, bytes(32), materials, (key, material, other, longer) => {
      const before = derived(key, material, 2)
      derived(other, longer, 3)
      assert.strictEqual(derived(key, material, 2), before)
    })))

  it("takes no more material than a block, and is as good as before after it refused", () => {
    const before = derived(new Uint8Array(32), nothing, 2)
    assert.throws(() => derived(new Uint8Array(32), new Uint8Array(65), 2), RangeError)
    assert.strictEqual(derived(new Uint8Array(32), nothing, 2), before)
  })
})
