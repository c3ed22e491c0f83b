import { assert, describe, it } from "@effect/vitest"
import { hold } from "../simulation/crowd.js"

describe("a node holds", () => {
  it("1,000 peers for an hour, in less than 2 GiB", () => {
    const { inRounds, memoryMiB, ...held } = hold(1_000, 3_600_000)
    assert.deepStrictEqual(held, { violation: undefined, connected: 1_000, failed: 0 })
    assert.isAbove(inRounds, 0.9)
    assert.isBelow(memoryMiB, 2_048)
  })
})
