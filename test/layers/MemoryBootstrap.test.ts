import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { RegistryError } from "../../src/internal/registry.js"
import * as MemoryBootstrap from "../../src/layers/MemoryBootstrap.js"
import * as MemoryRegistry from "../../src/layers/MemoryRegistry.js"
import { contract } from "./Bootstrap.contract.js"
import { did, join, story } from "./bootstraps.js"
import { pass, settle } from "./nodes.js"

const start = Effect.map(MemoryRegistry.make, (registry) => ({
  registry,
  layer: MemoryBootstrap.layer({ host: "127.0.0.1" }).pipe(
    Layer.provide(Layer.succeed(MemoryRegistry.MemoryRegistry, registry))
  ),
  url: new URL("http://registry"),
  entries: registry.entries,
  down: registry.meet(MemoryRegistry.refuse),
  up: registry.meet(Effect.void)
}))

contract("in memory", start)

/** A party that announces itself. */
const watched = Effect.fnUntraced(function*(layer: Effect.Effect.Success<typeof start>["layer"]) {
  const a = yield* join(layer, "A")
  yield* a.announce(9001)
  yield* settle
  return a
})

// A visit that meets nothing but a refusal takes no time, so that steps may be long.
const passMinutes = (minutes: number) =>
  Effect.repeatN(Effect.zipRight(TestClock.adjust("5 seconds"), settle), minutes * 12 - 1)

describe("the visits", () => {
  it.scoped("begin at once and come every 15 seconds, a tenth more or less", () =>
    Effect.gen(function*() {
      const { layer } = yield* start
      const a = yield* watched(layer)
      assert.deepStrictEqual(story(a), ["announce", "pull"])
      yield* pass(13_000)
      assert.strictEqual(a.reports.length, 2)
      yield* pass(4_000)
      assert.strictEqual(a.reports.length, 4)
      yield* passMinutes(10)
      // 617 seconds of intervals from 13.5 to 16.5 seconds.
      const visits = a.reports.length / 2
      assert.isTrue(visits >= 38 && visits <= 46, `${visits} visits`)
    }))

  it.scoped("wait longer while the registry is down, and go on as before once it is up", () =>
    Effect.gen(function*() {
      const { down, entries, layer, up } = yield* start
      yield* down
      const a = yield* watched(layer)
      yield* passMinutes(10)
      // One at once, one after 30 seconds, then one a minute, with a jitter of a tenth.
      assert.isTrue(a.reports.length >= 9 && a.reports.length <= 13, `${a.reports.length} requests`)
      assert.isTrue(story(a).every((line) => line === "announce Unreachable"))
      const waits = a.reports.map((report) => report.ev === "registry.error" ? report.retryInMillis : 0)
      const bounds = [30_000, ...waits.slice(1).map(() => 60_000)]
      for (const [at, wait] of waits.entries()) {
        assert.closeTo(wait, bounds[at] ?? 0, 0.1 * (bounds[at] ?? 0))
      }
      yield* up
      yield* pass(66_500)
      assert.isTrue(did("announce")(a) && did("pull")(a))
      assert.strictEqual((yield* entries).length, 1)
      const before = a.reports.length
      yield* pass(17_000)
      assert.isAtLeast(a.reports.length, before + 2)
    }))

  it.scoped("give a request five seconds, and never begin another before", () =>
    Effect.gen(function*() {
      const { layer, registry } = yield* start
      let open = 0
      let most = 0
      const counted = Effect.acquireUseRelease(
        Effect.sync(() => most = Math.max(most, ++open)),
        () => Effect.never,
        () => Effect.sync(() => open--)
      )
      yield* registry.meet(counted)
      const a = yield* watched(layer)
      yield* pass(4_500)
      assert.strictEqual(a.reports.length, 0)
      yield* pass(1_000)
      assert.deepStrictEqual(story(a), ["announce Timeout"])
      yield* passMinutes(10)
      assert.isAtLeast(a.reports.length, 9)
      assert.strictEqual(most, 1)
      yield* registry.meet(Effect.void)
    }))

  it.scoped("wait as long as the registry asks, and ask for nothing more meanwhile", () =>
    Effect.gen(function*() {
      const { layer, registry } = yield* start
      yield* registry.meet(new RegistryError({ reason: "Refused", retryAfterMillis: 200_000 }))
      const a = yield* watched(layer)
      yield* pass(199_000)
      assert.deepStrictEqual(story(a), ["announce Refused"])
      yield* pass(22_000)
      assert.strictEqual(a.reports.length, 2)
    }))

  it.scoped("ask for peers although the registry takes no announcement", () =>
    Effect.gen(function*() {
      const { layer, registry } = yield* start
      let first = true
      yield* registry.meet(Effect.suspend(() => {
        const refused = first
        first = false
        return refused ? new RegistryError({ reason: "Refused", serves: true }) : Effect.void
      }))
      const a = yield* watched(layer)
      assert.deepStrictEqual(story(a), ["announce Refused", "pull"])
    }))

  it.scoped("end with a goodbye that takes no longer than it may", () =>
    Effect.gen(function*() {
      const { layer, registry } = yield* start
      const announcing = yield* Scope.make()
      const a = yield* join(layer, "A")
      yield* Scope.extend(a.announce(9001), announcing)
      yield* settle
      yield* registry.meet(Effect.never)
      const closing = yield* Effect.fork(Scope.close(announcing, Exit.void))
      yield* settle
      yield* TestClock.adjust(300)
      yield* settle
      assert.isTrue((yield* closing.poll)._tag === "Some")
      assert.deepStrictEqual(story(a).at(-1), "leave Timeout")
    }))

  it.scoped("leave an entry that its registry forgets by itself", () =>
    Effect.gen(function*() {
      const { entries, layer, registry } = yield* start
      yield* watched(layer)
      yield* registry.meet(Effect.never)
      yield* pass(44_000)
      assert.strictEqual((yield* entries).length, 1)
      yield* pass(2_000)
      assert.strictEqual((yield* entries).length, 0)
      yield* registry.meet(Effect.void)
    }))
})
