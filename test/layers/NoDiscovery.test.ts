import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as NoBootstrap from "../../src/layers/NoBootstrap.js"
import * as NoDiscovery from "../../src/layers/NoDiscovery.js"
import { Bootstrap } from "../../src/services/Bootstrap.js"
import { Discovery } from "../../src/services/Discovery.js"

describe("NoDiscovery and NoBootstrap", () => {
  it.scoped("announce to nobody and name nobody", () =>
    Effect.gen(function*() {
      const discovery = yield* Discovery
      const bootstrap = yield* Bootstrap
      let heard = 0
      yield* discovery.listen({ candidate: () => heard++, report: () => heard++ })
      yield* discovery.announce(9_001)
      yield* bootstrap.announce(9_001)
      yield* Effect.yieldNow()
      assert.strictEqual(heard, 0)
      assert.strictEqual(yield* Stream.runCount(bootstrap.candidates), 0)
    }).pipe(Effect.provide([NoDiscovery.layer, NoBootstrap.layer])))
})
