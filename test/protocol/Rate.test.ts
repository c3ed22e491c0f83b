import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Rate } from "../../src/protocol/Rate.js"

describe("Rate", () => {
  it("is exceeded by exactly what makes more than the limit within a second", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(600), { maxLength: 60 }), (limit, gaps) => {
        const rate = new Rate(limit)
        const taken: Array<number> = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          const within = taken.filter((time) => now - time < 1_000).length
          const exceeded = rate.exceededAt(now)
          assert.strictEqual(exceeded, within >= limit)
          if (!exceeded) taken.push(now)
        }
      })
    ))

  it("allows nothing with a limit of none", () => assert.isTrue(new Rate(0).exceededAt(0)))
})
