import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { Fault } from "../../src/simulation/Fault.js"
import type { Outcome } from "../../src/simulation/Run.js"
import * as Shrink from "../../src/simulation/Shrink.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { outcomeWith } from "./outcomes.js"

const faultsOf = (count: number): ReadonlyArray<Fault> =>
  Array.from({ length: count }, (_, at) => ({ kind: "loss", fromMillis: at, toMillis: 9_000, fraction: 0.1 }))

const broken = (law: NonNullable<Outcome["violation"]>["law"]): Outcome =>
  outcomeWith({ violation: { law, text: "", atMicros: 5_000_000, nodes: [] } })

const drain = <A>(steps: Generator<unknown, A>): A => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

const isSame = (a: Fault, b: Fault): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Worlds in which a run fails if some faults are there, all of them, and there is time enough. */
const worlds = (culprits: ReadonlyArray<Fault>, atLeastMillis = 0) => {
  const seen: Array<Simulation.Settings> = []
  const steps = function*(settings: Simulation.Settings): Generator<undefined, Outcome> {
    seen.push(settings)
    yield undefined
    const has = culprits.every((culprit) => settings.only?.some((fault) => isSame(fault, culprit)))
    return has && settings.forMillis >= atLeastMillis ? broken("counters") : outcomeWith()
  }
  return { seen, steps }
}

describe("shrinking", () => {
  it("finds the faults that matter, and no other", () =>
    fc.assert(fc.property(
      fc.integer({ min: 0, max: 40 }).chain((count) =>
        fc.tuple(
          fc.constant(count),
          fc.subarray(faultsOf(count).map((_, at) => at + 1), { maxLength: Math.min(4, count) })
        )
      ),
      ([count, numbers]) => {
        const only = faultsOf(count)
        const culprits = only.filter((_, at) => numbers.includes(at + 1))
        const { steps } = worlds(culprits)
        const shrunk = drain(
          Shrink.shrink({ ...Simulation.defaults, only }, broken("counters"), { steps })
        )
        assert.deepStrictEqual(shrunk.numbers, numbers)
        assert.deepStrictEqual(shrunk.faults, culprits)
        assert.deepStrictEqual(shrunk.settings.only, culprits)
        assert.strictEqual(shrunk.outcome.violation?.law, "counters")
      }
    )))

  it("tries no more often than it is told to", () => {
    const only = faultsOf(30)
    for (const tries of [0, 1, 5]) {
      const { seen, steps } = worlds(only.slice(3, 6))
      const shrunk = drain(
        Shrink.shrink({ ...Simulation.defaults, only }, broken("counters"), { steps, tries })
      )
      assert.strictEqual(seen.length, tries)
      assert.includeMembers([...shrunk.faults], only.slice(3, 6))
    }
  })

  it("keeps to the law that was broken", () => {
    const only = faultsOf(6)
    const { steps } = worlds([])
    const shrunk = drain(Shrink.shrink({ ...Simulation.defaults, only }, broken("liveness"), { steps }))
    assert.deepStrictEqual(shrunk.faults, only)
  })

  it("tries shorter times where no fault is left, and leaves the time alone where one is", () => {
    const only = faultsOf(4)
    const settings = { ...Simulation.defaults, only, forMillis: 60_000 }
    const none = drain(Shrink.shrink(settings, broken("counters"), worlds([], 9_000)))
    assert.strictEqual(none.settings.forMillis, 15_000)
    const same = drain(Shrink.shrink(settings, broken("counters"), { ...worlds([]), shorter: false }))
    assert.strictEqual(same.settings.forMillis, 60_000)
    const one = drain(Shrink.shrink(settings, broken("counters"), worlds(only.slice(0, 1))))
    assert.strictEqual(one.settings.forMillis, 60_000)
  })

  it("works on the faults that the seed draws, and says how far it is", () => {
    const settings = { ...Simulation.defaults, seed: 3, kinds: ["loss", "crash", "delay", "skew"] } as const
    const drawn = Simulation.drawn(settings)
    assert.isAbove(drawn.length, 2)
    const { steps } = worlds(drawn.slice(-1))
    const late = outcomeWith({ violation: { law: "counters", text: "", atMicros: 60e6, nodes: [] } })
    const search = Shrink.shrink(settings, late, { steps })
    const told: Array<Shrink.Search> = []
    for (;;) {
      const step = search.next()
      if (step.done === true) {
        assert.deepStrictEqual(step.value.numbers, [drawn.length])
        break
      }
      told.push(step.value)
    }
    assert.strictEqual(told[0]?.left, drawn.length)
    assert.isBelow(told.at(-1)?.left ?? drawn.length, drawn.length)
  })
})
