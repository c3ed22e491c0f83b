import { assert, describe, it } from "@effect/vitest"
import { hold } from "../simulation/crowd.js"

describe("a node holds", () => {
  it("1,000 peers for an hour, in less than 2 GiB", async () => {
    const { inRounds, memoryMiB, violation, ...held } = await hold(1_000, 60)
    assert.isUndefined(violation)
    assert.deepInclude(held, { connected: 1_000, failed: 0 })
    assert.isAbove(inRounds, 0.9)
    assert.isBelow(memoryMiB, 2_048)
  })
})
