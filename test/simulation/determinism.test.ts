import { afterAll, assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import * as Run from "../../src/simulation/Run.js"
import * as Trace from "../../src/simulation/Trace.js"
import { children } from "./children.js"
import { type Scale, scenario } from "./scenarios.js"

const scale: Scale = { nodes: 5, forMillis: 20_000 }
const run = (seed: number, order: "seeded" | "fifo" = "seeded") =>
  Run.run({ ...scenario(seed, scale), order })

describe("a seed decides all", () => {
  const processes = children()
  afterAll(processes.close)

  it("twice the same in this process and in another, whatever ran before", { timeout: 120_000 }, async () => {
    const first = 11
    const count = 100
    const there = processes.run({ first, count, scale })
    const here = new Array<string>(count)
    // From the last one on.
    for (let at = count - 1; at >= 0; at--) here[at] = Run.run(scenario(first + at, scale)).hash
    assert.deepStrictEqual((await there).map(({ hash }) => hash), here)
    assert.strictEqual(new Set(here).size, count)
  })

  it("in either order of fibers, and not the same in both", { timeout: 60_000 }, () => {
    const hashes = (["seeded", "fifo"] as const).map((order) => {
      const [one, two] = [run(3, order), run(3, order)]
      assert.strictEqual(one.verdict, "passed")
      assert.deepStrictEqual({ ...one, last: [] }, { ...two, last: [] })
      return one.hash
    })
    assert.notStrictEqual(hashes[0], hashes[1])
  })

  it("whether or not somebody looks on, and step by step as well as at once", { timeout: 60_000 }, () => {
    const settings = scenario(4, scale)
    const lines: Array<string> = []
    const steps = Run.steps(settings, {
      happening: (happening) => lines.push(Trace.line(happening)),
      log: () => {}
    })
    let step = steps.next()
    let pauses = 0
    for (; step.done !== true; step = steps.next()) pauses++
    assert.isAbove(pauses, 0)
    assert.strictEqual(step.value.hash, Run.run(settings).hash)
    assert.strictEqual(step.value.hash, createHash("sha256").update(lines.join("")).digest("hex"))
    assert.strictEqual(step.value.events, lines.length)
  })
})
