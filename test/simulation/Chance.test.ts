import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Chance } from "../../src/simulation/Chance.js"

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const draws = (chance: Chance, count = 8) => Array.from({ length: count }, () => chance.below(1_000))

describe("Chance", () => {
  it("draws the same in every process and on every version of Node", () => {
    assert.deepStrictEqual(draws(new Chance(0)), [357, 176, 552, 991, 767, 895, 866, 482])
    assert.deepStrictEqual(draws(new Chance(7, "order")), [937, 493, 840, 329, 342, 540, 69, 961])
    assert.deepStrictEqual(draws(new Chance(2 ** 32 - 1).fork("network")), [
      970,
      914,
      227,
      730,
      0,
      400,
      350,
      854
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

  it("makes bytes of all values", () => {
    const bytes = new Chance(1).bytes(10_000)
    assert.strictEqual(bytes.length, 10_000)
    assert.strictEqual(new Set(bytes).size, 256)
  })
})
