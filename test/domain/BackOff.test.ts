import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as BackOff from "../../src/domain/BackOff.js"
import { defaults } from "../../src/domain/Limits.js"

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const source = fc.constantFrom<BackOff.Source>("manual", "automatic", "timed")
const rows = {
  manual: { base: 2_500, cap: 12_000 },
  timed: { base: 2_500, cap: 12_000 },
  automatic: { base: 2_000, cap: 15_000 }
}

const delays = (source: BackOff.Source): ReadonlyArray<number> =>
  [1, 2, 3, 4, 5].map((failures) => BackOff.delayMillis(source, failures, 0, defaults))

describe("BackOff", () => {
  it("doubles up to its cap", () => {
    assert.deepStrictEqual(delays("manual"), [2_500, 5_000, 10_000, 12_000, 12_000])
    assert.deepStrictEqual(delays("timed"), delays("manual"))
    assert.deepStrictEqual(delays("automatic"), [2_000, 4_000, 8_000, 15_000, 15_000])
  })

  it("stays between its base and 1.2 times its cap, whatever the failures and the chance", () => {
    fc.assert(fc.property(source, fc.integer({ min: 1, max: 1e9 }), chance, (source, failures, random) => {
      const delay = BackOff.delayMillis(source, failures, random, defaults)
      const { base, cap } = rows[source]
      assert.isTrue(delay >= base && delay <= 1.2 * cap)
    }))
  })

  it("never shrinks with more failures, jitter apart", () => {
    fc.assert(fc.property(source, fc.integer({ min: 1, max: 100 }), chance, (source, failures, random) => {
      assert.isAtLeast(
        BackOff.delayMillis(source, failures + 1, random, defaults),
        BackOff.delayMillis(source, failures, random, defaults)
      )
    }))
  })

  it("spreads a herd over a fifth of the delay", () => {
    assert.strictEqual(BackOff.delayMillis("manual", 1, 0.5, defaults), 2_750)
    assert.strictEqual(BackOff.longestMillis("manual", 0, defaults), 12_000)
    assert.strictEqual(BackOff.longestMillis("automatic", 0.5, defaults), 16_500)
  })
})
