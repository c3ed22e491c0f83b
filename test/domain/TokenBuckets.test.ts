import { assert, describe, it } from "@effect/vitest"
import { TokenBuckets } from "../../src/domain/TokenBuckets.js"

describe("TokenBuckets", () => {
  it("give every key its own burst and its own rate", () => {
    const buckets = new TokenBuckets({ perSecond: 2, burst: 3, tracked: 10 })
    const taken = (key: string, nowMillis: number) =>
      Array.from({ length: 5 }, () => buckets.take(key, nowMillis)).filter((one) => one).length
    assert.deepStrictEqual([taken("a", 0), taken("b", 0)], [3, 3])
    assert.deepStrictEqual([taken("a", 1_000), taken("b", 500)], [2, 1])
  })

  it("remember a bounded number of keys, those in use before all", () => {
    const buckets = new TokenBuckets({ perSecond: 0, burst: 1, tracked: 100 })
    assert.isTrue(buckets.take("busy", 0))
    for (let key = 0; key < 1_000; key++) {
      buckets.take(`${key}`, key)
      assert.isFalse(buckets.take("busy", key))
      assert.isAtMost(buckets.size, 100)
    }
  })
})
