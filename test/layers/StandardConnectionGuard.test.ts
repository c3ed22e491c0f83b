import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type { Counter } from "../../src/domain/Counters.js"
import * as Counters from "../../src/domain/Counters.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { ConnectionGuard } from "../../src/services/ConnectionGuard.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"

const layer = StandardConnectionGuard.layer.pipe(
  Layer.provideMerge(StandardStats.layer),
  Layer.provide(NodeConfig.layer({ id: "A" as NodeId }))
)
const endpoint = Endpoint.make("10.0.0.1", 9_001)
const peer = "ab".repeat(32) as PeerId

const counted = (expected: Partial<Record<Counter, number>>) =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* (yield* Stats).snapshot, { ...Counters.zero, ...expected })
  })

describe("StandardConnectionGuard", () => {
  it.effect("counts attempts, duplicates, failures, skips and endpoints", () =>
    Effect.gen(function*() {
      const guard = yield* ConnectionGuard
      assert.deepStrictEqual(guard.ask(endpoint, "manual"), {
        verdict: "dial",
        retryIn: Duration.zero
      })
      yield* counted({ connect_attempts: 1, tracked_endpoints: 1 })
      assert.strictEqual(guard.ask(endpoint, "manual").verdict, "in flight")
      assert.strictEqual(guard.ask(endpoint, "automatic").verdict, "deduplicated")
      yield* counted({ connect_attempts: 1, connect_deduped: 1, tracked_endpoints: 1 })
      guard.failed(endpoint, "ConnectionRefused", 0.5)
      guard.failed(endpoint, "ConnectionRefused", 0.5)
      yield* TestClock.adjust("1 second")
      for (const source of ["manual", "automatic", "timed"] as const) {
        assert.strictEqual(guard.ask(endpoint, source).verdict, "backing off")
      }
      yield* counted({
        connect_attempts: 1,
        connect_deduped: 1,
        connect_failures: 1,
        backoff_skips: 2,
        tracked_endpoints: 1
      })
    }).pipe(Effect.provide(layer)))

  it.effect("counts neither an abandoned dial nor a lost session as a failed dial", () =>
    Effect.gen(function*() {
      const guard = yield* ConnectionGuard
      guard.ask(endpoint, "timed")
      guard.failed(endpoint, "Duplicate", 0.5, peer)
      guard.ask(endpoint, "timed")
      guard.established(endpoint, peer)
      guard.lost(endpoint, "Truncated", 0.5)
      yield* counted({ connect_attempts: 2, tracked_endpoints: 1 })
      const { failures } = Option.getOrThrow(guard.explain(endpoint))
      assert.strictEqual(failures, 1)
    }).pipe(Effect.provide(layer)))

  it.effect("holds an endpoint back for as long as it says", () =>
    Effect.gen(function*() {
      const guard = yield* ConnectionGuard
      guard.ask(endpoint, "manual")
      const wait = Duration.toMillis(guard.failed(endpoint, "ConnectionRefused", 0.5))
      assert.isTrue(wait >= 2_500 && wait <= 3_001)
      yield* TestClock.adjust("2 seconds")
      const { retryIn, verdict } = guard.ask(endpoint, "timed")
      assert.strictEqual(verdict, "backing off")
      yield* TestClock.adjust(retryIn)
      assert.strictEqual(guard.ask(endpoint, "timed").verdict, "dial")
    }).pipe(Effect.provide(layer)))

  it.effect("follows a wanted endpoint through a session and explains it", () =>
    Effect.gen(function*() {
      const guard = yield* ConnectionGuard
      guard.want(endpoint)
      yield* counted({ tracked_endpoints: 1 })
      guard.ask(endpoint, "manual")
      guard.established(endpoint, peer)
      guard.peerOpened(peer, endpoint)
      assert.strictEqual(guard.ask(endpoint, "timed").verdict, "connected")
      guard.peerClosed(peer)
      const wait = Duration.toMillis(guard.lost(endpoint, "Shutdown", 0.5))
      assert.isTrue(wait >= 0 && wait < 2_500)
      assert.strictEqual(guard.ask(endpoint, "timed").verdict, "dial")
      guard.unwant(endpoint)
      assert.deepStrictEqual(
        guard.explain(endpoint),
        Option.some({
          endpoint,
          verdict: Option.some({ verdict: "dial" as const, source: "timed" as const }),
          reason: Option.some("Shutdown" as const),
          failures: 0,
          retryIn: Duration.zero,
          wanted: false,
          inFlight: true,
          peer: Option.some(peer)
        })
      )
      assert.deepStrictEqual(guard.explain(Endpoint.make("10.0.0.2", 1)), Option.none())
    }).pipe(Effect.provide(layer)))
})
