import { assert, describe, it } from "@effect/vitest"
import { setImmediate } from "node:timers/promises"
import * as Fault from "../../src/simulation/Fault.js"
import { type Site, sites } from "../../src/simulation/Mishaps.js"
import * as Run from "../../src/simulation/Run.js"
import { kinds, scenario } from "./scenarios.js"

const seeds = Array.from({ length: 24 }, (_, index) => index + 1)

/** What happened in all runs together. */
const begun = new Map<Fault.Kind, number>()
const struck = new Map<Site, number>()
const add = <K>(sums: Map<K, number>, counts: ReadonlyMap<K, number>): void => {
  for (const [key, count] of counts) sums.set(key, (sums.get(key) ?? 0) + count)
}

describe("ten nodes keep every law through a minute of all faults, and are connected after it", () => {
  for (const seed of seeds) {
    it(`seed ${seed}`, { timeout: 60_000 }, async () => {
      // Vitest has something to say between two of them.
      await setImmediate()
      const outcome = Run.run(scenario(seed))
      add(begun, outcome.begun)
      add(struck, outcome.mishaps)
      const { violation } = outcome
      assert.isUndefined(
        violation,
        violation && [
          `${violation.law}: ${violation.text} at ${violation.atMicros / 1_000} ms`,
          ...outcome.faults.map(Fault.describe)
        ].join("\n")
      )
      assert.strictEqual(outcome.verdict, "passed")
      assert.isAbove(outcome.checks, 1_000)
    })
  }

  it("and every fault and every mishap has come often enough", () => {
    for (const kind of kinds) assert.isAtLeast(begun.get(kind) ?? 0, 10, kind)
    assert.isAtLeast(sites.length, 15)
    for (const site of sites) assert.isAtLeast(struck.get(site) ?? 0, 10, site)
  })
})
