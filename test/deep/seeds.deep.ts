import { afterAll, assert, describe, it } from "@effect/vitest"
import { availableParallelism } from "node:os"
import { children } from "../simulation/children.js"
import type { Chunk, Line } from "../simulation/chunk.js"
import { type Scale, usual } from "../simulation/scenarios.js"

/** How many seeds are run. */
const seeds = Number(process.env["DEEP_SEEDS"] ?? 5_000)

/** The first one. */
const first = Number(process.env["DEEP_FIRST"] ?? 1)

/** One in so many is run on a grander scale, too. */
const grandEvery = 250

const grand: Scale = { nodes: 20, forMillis: 600_000 }

/** Seeds of one process, so that what one leaves behind in memory does not add up. */
const chunkSeeds = 25

const chunks = (from: number, count: number, size: number, scale: Scale): ReadonlyArray<Chunk> =>
  Array.from({ length: Math.ceil(count / size) }, (_, at) => ({
    first: from + at * size,
    count: Math.min(size, count - at * size),
    scale
  }))

describe("every law is kept", () => {
  const processes = children()
  afterAll(processes.close)

  /** Runs all chunks, as many at a time as there are cores; what did not pass. */
  const failures = async (all: ReadonlyArray<Chunk>): Promise<ReadonlyArray<string>> => {
    const left = [...all]
    const failed: Array<string> = []
    let passed = 0
    const worker = async (): Promise<void> => {
      for (let chunk = left.shift(); chunk !== undefined; chunk = left.shift()) {
        const lines = await processes.run(chunk)
        assert.strictEqual(lines.length, chunk.count)
        for (const line of lines) {
          if (line.verdict === "passed") passed++
          else failed.push(told(line))
        }
      }
    }
    await Promise.all(Array.from({ length: availableParallelism() }, worker))
    assert.strictEqual(passed + failed.length, all.reduce((sum, { count }) => sum + count, 0))
    return failed
  }

  it(`by ${usual.nodes} nodes for a minute, ${seeds} seeds`, async () => {
    assert.deepStrictEqual(await failures(chunks(first, seeds, chunkSeeds, usual)), [])
  })

  it(`by ${grand.nodes} nodes for ten minutes, one seed in ${grandEvery}`, async () => {
    assert.deepStrictEqual(await failures(chunks(first, Math.ceil(seeds / grandEvery), 1, grand)), [])
  })
})

const told = ({ seed, violation }: Line): string =>
  `seed ${seed}: ${violation?.law}: ${violation?.text} at ${(violation?.atMicros ?? 0) / 1_000} ms`
