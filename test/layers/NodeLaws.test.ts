import { assert, describe, it } from "@effect/vitest"
import { hold } from "./laws.js"

describe("the laws of the counters", () => {
  it("hold for nodes that start, stop, dial, meet, part, clash and are knocked at", async () => {
    const seen = await hold(40, 20_260_101)
    // The runs have met what the laws are about.
    for (
      const reason of ["Duplicate", "SelfConnection", "ConnectionRefused", "HostUnreachable", "Shutdown"]
    ) {
      assert.include([...seen], reason)
    }
    for (const reason of ["NodeIdConflict", "DuplicateIdentity", "Stopped", "BadHeader", "RemoteClosed"]) {
      assert.include([...seen], reason)
    }
  }, 60_000)
})
