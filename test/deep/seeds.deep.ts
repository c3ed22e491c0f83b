import { afterAll, assert, describe, it } from "@effect/vitest"
import { children, failures } from "../simulation/children.js"
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

describe("every law is kept", () => {
  const processes = children()
  afterAll(processes.close)

  it(`by ${usual.nodes} nodes for a minute, ${seeds} seeds`, async () => {
    assert.deepStrictEqual(failures(await processes.share({ first, count: seeds }, chunkSeeds)), [])
  })

  it(`by ${grand.nodes} nodes for ten minutes, one seed in ${grandEvery}`, async () => {
    const chunk = { first, count: Math.ceil(seeds / grandEvery), scale: grand }
    assert.deepStrictEqual(failures(await processes.share(chunk, 1)), [])
  })
})
