import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { defaults } from "../../src/domain/Limits.js"
import { waitMillis } from "../../src/domain/RegistryPace.js"

const middle = (interval: number, failures: number, retryAfter = 0) =>
  waitMillis(interval, failures, retryAfter, 0.5, defaults)

describe("RegistryPace", () => {
  it("doubles the interval up to a minute while visits fail", () => {
    assert.deepStrictEqual([0, 1, 2, 3, 2_000].map((failures) => middle(15_000, failures)), [
      15_000,
      30_000,
      60_000,
      60_000,
      60_000
    ])
  })

  it("never comes more often after a failure than after none", () => {
    assert.strictEqual(middle(300_000, 0), 300_000)
    assert.strictEqual(middle(300_000, 5), 300_000)
  })

  it("stays within a tenth of that", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 1_000_000 }),
        fc.nat(50),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (interval, failures, random) => {
          const wait = waitMillis(interval, failures, 0, random, defaults)
          const base = middle(interval, failures)
          assert.isAtLeast(wait, base * 0.9)
          assert.isAtMost(wait, base * 1.1 + 1)
        }
      )
    )
  })

  it("comes no sooner than the registry asks, but after ten minutes in any case", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (asked, random) => {
          const wait = waitMillis(15_000, 1, asked, random, defaults)
          assert.isAtLeast(wait, Math.min(asked, 600_000))
          assert.isAtMost(wait, 600_000)
        }
      )
    )
    assert.strictEqual(middle(15_000, 1, Number.POSITIVE_INFINITY), 600_000)
  })
})
