import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { RankedSet } from "../../src/domain/RankedSet.js"

const command = fc.oneof(
  fc.record({
    act: fc.constant("set" as const),
    member: fc.integer({ min: 0, max: 30 }),
    rank: fc.integer({ min: 0, max: 50 })
  }),
  fc.record({ act: fc.constant("delete" as const), member: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ act: fc.constant("shift" as const) })
)

describe("RankedSet", () => {
  it("hands out a member of the lowest rank, as a plain map would", () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const set = new RankedSet<number>()
      const model = new Map<number, number>()
      for (const command of commands) {
        if (command.act === "set") {
          set.set(command.member, command.rank)
          model.set(command.member, command.rank)
        } else if (command.act === "delete") {
          set.delete(command.member)
          model.delete(command.member)
        } else {
          const lowest = Math.min(...model.values())
          const member = set.shift()
          if (member === undefined) assert.strictEqual(model.size, 0)
          else {
            assert.strictEqual(model.get(member), lowest)
            model.delete(member)
          }
        }
        assert.strictEqual(set.size, model.size)
      }
    }))
  })

  it("comes out sorted after any changes of rank", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(100), fc.integer())), (pairs) => {
      const set = new RankedSet<number>()
      for (const [member, rank] of pairs) set.set(member, rank)
      const ranks = new Map(pairs)
      const out = Array.from({ length: ranks.size }, () => ranks.get(set.shift() ?? -1))
      assert.deepStrictEqual(out, [...ranks.values()].sort((a, b) => a - b))
      assert.isUndefined(set.shift())
    }))
  })
})
