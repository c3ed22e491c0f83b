import { describe, it } from "@effect/vitest"
import { hold } from "../layers/laws.js"

describe("the laws of the counters", () => {
  it("hold in 2,000 lives that nodes may lead", async () => {
    await hold(2_000, Number(process.env["DEEP_FIRST"] ?? 1))
  })
})
