import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { RecentMap } from "../../src/domain/RecentMap.js"

describe("RecentMap", () => {
  it("keeps what was put last, as a list would that is searched through", () => {
    const puts = fc.array(fc.tuple(fc.nat(9).map(String), fc.nat()))
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), puts, (limit, script) => {
      const recent = new RecentMap<number>(limit)
      let model: ReadonlyArray<readonly [string, number]> = []
      for (const [key, value] of script) {
        recent.put(key, value)
        model = [...model.filter(([other]) => other !== key), [key, value] as const].slice(-limit)
        assert.strictEqual(recent.size, model.length)
        for (let at = 0; at < 10; at++) {
          assert.strictEqual(recent.get(`${at}`), model.find(([other]) => other === `${at}`)?.[1])
        }
      }
    }))
  })
})
