import { afterAll, assert, describe, it } from "@effect/vitest"
import { sites } from "../../src/simulation/Mishaps.js"
import { children, failures } from "./children.js"
import type { Line } from "./chunk.js"
import { kinds } from "./scenarios.js"

const seeds = 200

describe("ten nodes keep every law through a minute of all faults, and are connected after it", () => {
  const processes = children()
  afterAll(processes.close)
  let lines: ReadonlyArray<Line> = []

  it(`${seeds} seeds`, { timeout: 300_000 }, async () => {
    lines = await processes.share({ first: 1, count: seeds })
    assert.deepStrictEqual(failures(lines), [])
    assert.strictEqual(new Set(lines.map(({ seed }) => seed)).size, seeds)
    for (const { checks, seed } of lines) assert.isAbove(checks, 1_000, `seed ${seed}`)
  })

  it("and every fault and every mishap has come often enough", () => {
    const came = (what: string) => (sum: number, { begun, mishaps }: Line) =>
      sum + [...begun, ...mishaps].reduce((all, [name, count]) => (name === what ? all + count : all), 0)
    assert.isAtLeast(sites.length, 15)
    for (const what of [...kinds, ...sites]) assert.isAtLeast(lines.reduce(came(what), 0), 10, what)
  })
})
