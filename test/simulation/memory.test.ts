import { assert, it } from "@effect/vitest"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Run from "../../src/simulation/Run.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { kinds } from "./scenarios.js"

setFlagsFromString("--expose-gc")
// The optimizer's code lies in the heap, too, and grows while a program warms up.
setFlagsFromString("--no-flush-bytecode")
const collect: () => void = runInNewContext("gc")

/** Bytes of the heap in use, after what is garbage has gone. */
const heap = (): number => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const minuteMillis = 60_000

it("an hour of a world with all faults grows nothing after its first third", { timeout: 120_000 }, () => {
  const settings = { ...Simulation.defaults, seed: 5, nodes: 4, forMillis: 60 * minuteMillis, kinds }
  const steps = Run.steps(settings)
  const marks = [20 * minuteMillis, 59 * minuteMillis]
  const weights: Array<number> = []
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) {
    const mark = marks[weights.length]
    if (mark !== undefined && step.value.simulation.nowMillis >= mark) weights.push(heap())
  }
  assert.strictEqual(step.value.verdict, "passed")
  assert.isAbove(step.value.actions, 50_000)
  const [early, late] = weights
  assert.isBelow((late ?? Number.NaN) - (early ?? Number.NaN), 2_000_000)
})
