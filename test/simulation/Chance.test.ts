import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Chance } from "../../src/simulation/Chance.js"

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const draws = (chance: Chance, count = 8) => Array.from({ length: count }, () => chance.below(1_000))

describe("Chance", () => {
  it("draws the same in every process and on every version of Node", () => {
    assert.deepStrictEqual(draws(new Chance(0)), [571, 253, 141, 517, 866, 832, 516, 741])
    assert.deepStrictEqual(draws(new Chance(7, "order")), [30, 639, 473, 493, 924, 345, 668, 15])
    assert.deepStrictEqual(draws(new Chance(2 ** 32 - 1).fork("network")), [
      209,
      211,
      809,
      182,
      299,
      560,
      184,
      156
    ])
  })

  it("gives a stream of its own to each name, whatever is drawn from the others", () => {
    fc.assert(fc.property(seeds, fc.nat(50), (seed, drawn) => {
      const [parent, other] = [new Chance(seed), new Chance(seed)]
      draws(other, drawn)
      draws(other.fork("noise"), drawn)
      assert.deepStrictEqual(draws(other.fork("a")), draws(parent.fork("a")))
      assert.notDeepEqual(draws(parent.fork("a")), draws(parent.fork("b")))
      assert.notDeepEqual(draws(parent.fork("a").fork("b")), draws(parent.fork("b").fork("a")))
    }))
  })

  it("stays within its bounds", () => {
    fc.assert(fc.property(seeds, fc.nat(1_000), fc.nat(1_000), (seed, least, more) => {
      const chance = new Chance(seed)
      for (let left = 20; left > 0; left--) {
        const next = chance.next()
        assert.isTrue(next >= 0 && next < 1)
        assert.isBelow(chance.below(more + 1), more + 1)
        const between = chance.between(least, least + more)
        assert.isTrue(between >= least && between <= least + more && Number.isInteger(between))
        assert.isFalse(chance.hits(0))
        assert.isTrue(chance.hits(1))
      }
    }))
  })

  it("hits about as often as it should", () => {
    const chance = new Chance(1)
    const hits = Array.from({ length: 10_000 }, () => chance.hits(0.2)).filter(Boolean).length
    assert.isTrue(hits > 1_800 && hits < 2_200, `${hits} of 10,000`)
  })

  it("shuffles without loss, and picks what is there", () => {
    fc.assert(fc.property(seeds, fc.uniqueArray(fc.integer(), { minLength: 1 }), (seed, items) => {
      const chance = new Chance(seed)
      assert.sameMembers(chance.shuffle(items), items)
      assert.include(items, chance.pick(items))
    }))
    assert.throws(() => new Chance(1).pick([]), RangeError)
  })

  it("makes bytes of all values, and of every 32 bits that it draws", () => {
    const [one, other] = [new Chance(1), new Chance(1)]
    assert.strictEqual(one.bytes(7).length, 7)
    other.bytes(8)
    assert.strictEqual(one.next(), other.next())
    const bytes = new Chance(1).bytes(10_000)
    assert.strictEqual(bytes.length, 10_000)
    assert.strictEqual(new Set(bytes).size, 256)
  })
})
