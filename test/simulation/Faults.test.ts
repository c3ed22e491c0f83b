import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Chance } from "../../src/simulation/Chance.js"
import * as Fault from "../../src/simulation/Fault.js"
import * as Faults from "../../src/simulation/Faults.js"

const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>
const hosts = ["n1", "n2", "n3", "n4", "n5"]
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const draw = (seed: number, which: ReadonlyArray<Fault.Kind> = kinds, forMillis = 60_000) =>
  Faults.draw(which, { hosts, forMillis }, new Chance(seed))

/** The hosts that a fault names. */
const named = (fault: Fault.Fault): ReadonlyArray<string> => {
  if (fault.kind === "partition") return [...fault.hosts, ...fault.others]
  if (fault.kind === "clog") return [fault.from, fault.to]
  return "host" in fault ? [fault.host] : []
}

describe("Faults", () => {
  it("are the same for the same seed", () => {
    fc.assert(fc.property(seeds, (seed) => assert.deepStrictEqual(draw(seed), draw(seed))))
    assert.notDeepEqual(draw(1), draw(2))
  })

  it("begin and heal within the time, in the order of their beginning, and name hosts that there are", () => {
    fc.assert(fc.property(seeds, fc.integer({ min: 1, max: 600_000 }), (seed, forMillis) => {
      let last = 0
      for (const fault of draw(seed, kinds, forMillis)) {
        assert.isAtLeast(fault.fromMillis, last)
        assert.isAbove(fault.toMillis, fault.fromMillis)
        assert.isAtMost(fault.toMillis, forMillis)
        last = fault.fromMillis
        assert.includeMembers([...hosts], [...named(fault)])
        assert.strictEqual(new Set(named(fault)).size, named(fault).length)
        assert.include(Fault.describe(fault), fault.kind)
      }
    }))
  })

  it("of one kind do not depend on which others there may be", () => {
    fc.assert(fc.property(seeds, fc.constantFrom(...kinds), fc.subarray([...kinds]), (seed, kind, others) => {
      const alone = draw(seed, [kind])
      const among = draw(seed, [...new Set([kind, ...others])]).filter((fault) => fault.kind === kind)
      assert.deepStrictEqual(among, alone)
    }))
  })

  it("are up to three of a kind, of every kind now and then, and now and then none of it", () => {
    const counts = new Map<Fault.Kind, Set<number>>(kinds.map((kind) => [kind, new Set()]))
    for (let seed = 0; seed < 200; seed++) {
      const drawn = draw(seed)
      for (const kind of kinds) counts.get(kind)?.add(drawn.filter((fault) => fault.kind === kind).length)
    }
    for (const [kind, seen] of counts) assert.deepStrictEqual([...seen].sort(), [0, 1, 2, 3], kind)
  })

  it("split all hosts in two where they split them", () => {
    for (let seed = 0; seed < 100; seed++) {
      for (const fault of draw(seed, ["partition"])) {
        if (fault.kind !== "partition") continue
        assert.sameMembers([...fault.hosts, ...fault.others], hosts)
        assert.isAbove(fault.hosts.length, 0)
        assert.isAbove(fault.others.length, 0)
      }
    }
  })

  it("leave out what needs two hosts where there is one", () => {
    for (let seed = 0; seed < 20; seed++) {
      const drawn = Faults.draw(kinds, { hosts: ["n1"], forMillis: 1_000 }, new Chance(seed))
      assert.isFalse(drawn.some(({ kind }) => kind === "partition" || kind === "clog"))
    }
  })
})
