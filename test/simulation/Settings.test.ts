import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import * as Fault from "../../src/simulation/Fault.js"
import * as Run from "../../src/simulation/Run.js"
import { mostSeed, problems } from "../../src/simulation/Settings.js"
import * as Simulation from "../../src/simulation/Simulation.js"

const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>
const span = { fromMillis: 0, toMillis: 1_000 }

describe("problems", () => {
  it("are none in what is drawn", () => {
    const world = fc.record({
      seed: fc.integer({ min: 0, max: mostSeed }),
      nodes: fc.integer({ min: 1, max: 20 }),
      forMillis: fc.integer({ min: 1, max: 600_000 })
    })
    fc.assert(fc.property(world, (settings) => {
      const all = { ...Simulation.defaults, ...settings, kinds }
      assert.deepStrictEqual(problems({ ...all, only: Simulation.drawn(all) }), [])
    }))
  })

  const wrong: ReadonlyArray<readonly [string, Partial<Simulation.Settings>]> = [
    ["seed -1: expected a whole number from 0 to 4294967295", { seed: -1 }],
    ["seed NaN: expected a whole number from 0 to 4294967295", { seed: Number.NaN }],
    ["nodes 0: expected a whole number from 1 to 65534", { nodes: 0 }],
    ["nodes 2.5: expected a whole number from 1 to 65534", { nodes: 2.5 }],
    ["segments 0: expected a whole number from 1 to 250", { segments: 0 }],
    ["for Infinity ms: expected a time that ends", { forMillis: Number.POSITIVE_INFINITY }],
    ["calm -1 ms: expected a time that ends", { calmMillis: -1 }],
    [`faults "crsh": expected ${kinds.join(", ")}`, { kinds: ["crsh" as "crash"] }],
    ["path.loss 5: expected a fraction from 0 to 1", { path: { loss: 5 } }],
    [
      "fault of kind freeze: no node is called n11; they are n1 to n10",
      { faults: [{ kind: "freeze", ...span, host: "n11" }] }
    ],
    [
      "fault of kind clog: no node is called x; they are n1 to n10",
      { faults: [{ kind: "clog", ...span, from: "n1", to: "x" }] }
    ],
    [
      "fault of kind partition: no node is called n0; they are n1 to n10",
      { only: [{ kind: "partition", ...span, hosts: ["n1"], others: ["n0"], oneWay: false }] }
    ],
    [
      "fault of kind reset: everyMillis 0: expected more than 0",
      { faults: [{ kind: "reset", ...span, everyMillis: 0 }] }
    ],
    [
      "fault of kind mishap: fraction 1.5: expected a fraction from 0 to 1",
      { faults: [{ kind: "mishap", ...span, fraction: 1.5 }] }
    ],
    [
      "fault of kind loss: expected fromMillis of 0 or more, and toMillis after it",
      { faults: [{ kind: "loss", fromMillis: 5, toMillis: 5, fraction: 0.5 }] }
    ]
  ]
  for (const [text, settings] of wrong) {
    it(text, () => {
      const all = { ...Simulation.defaults, ...settings }
      assert.deepStrictEqual(problems(all), [text])
      assert.throws(() => Run.run(all), RangeError, text)
    })
  }

  it("of a node and of its discovery end a run before it begins", () => {
    const discovery = { ...DiscoveryConfig.defaults, intervalMillis: 0 }
    const text = "Config.intervalMillis 0: expected a whole number from 1 to 2147483647"
    assert.throws(() => Run.run({ ...Simulation.defaults, discovery }), RangeError, text)
    assert.throws(() => Run.run({ ...Simulation.defaults, node: { port: -1 } }), RangeError, "port -1")
  })
})
