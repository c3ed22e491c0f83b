import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Counters from "../../src/domain/Counters.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { Stats } from "../../src/services/Stats.js"

describe("StandardStats", () => {
  it.effect("counts each counter by itself, from nought", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      assert.deepStrictEqual(yield* stats.snapshot, Counters.zero)
      stats.increment("connect_attempts")
      stats.increment("connect_attempts")
      stats.increment("backoff_skips")
      stats.setPeers(3, 2)
      stats.setTracked(7)
      assert.deepStrictEqual(yield* stats.snapshot, {
        ...Counters.zero,
        peers_total: 3,
        peers_connected: 2,
        connect_attempts: 2,
        backoff_skips: 1,
        tracked_endpoints: 7
      })
    }).pipe(Effect.provide(StandardStats.layer)))

  it.effect("never shows more peers connected than known", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      stats.setPeers(1, 2)
      const { peers_connected, peers_total } = yield* stats.snapshot
      assert.isAtMost(peers_connected, peers_total)
    }).pipe(Effect.provide(StandardStats.layer)))

  it.effect("counts what ended connections", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      stats.ended("Truncated")
      stats.ended("Truncated")
      stats.ended("Shutdown")
      assert.deepStrictEqual(yield* stats.reasons, { Truncated: 2, Shutdown: 1 })
    }).pipe(Effect.provide(StandardStats.layer)))

  it.effect("gives a snapshot that later counts do not change", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      const before = yield* stats.snapshot
      stats.increment("handshakes_started")
      assert.strictEqual(before.handshakes_started, 0)
    }).pipe(Effect.provide(StandardStats.layer)))

  it.scoped("tells the counters as they are, then every change, to each who listens", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      stats.increment("handshakes_started")
      const listeners = [yield* Stream.toPull(stats.changes), yield* Stream.toPull(stats.changes)]
      for (let count = 1; count <= 3; count++) {
        for (const listener of listeners) {
          assert.deepStrictEqual((yield* listener).pipe(Chunk.toReadonlyArray), [
            { ...Counters.zero, handshakes_started: count }
          ])
        }
        stats.increment("handshakes_started")
      }
    }).pipe(Effect.provide(StandardStats.layer)))

  it.scoped("wakes one who waits", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      const next = yield* Stream.toPull(stats.changes)
      yield* next
      const waiting = yield* Effect.fork(next)
      yield* TestClock.adjust("1 second")
      stats.setPeers(2, 1)
      assert.deepStrictEqual((yield* Fiber.join(waiting)).pipe(Chunk.toReadonlyArray), [
        { ...Counters.zero, peers_total: 2, peers_connected: 1 }
      ])
    }).pipe(Effect.provide(StandardStats.layer)))

  it.scoped("tells a slow listener the latest only, and nothing where nothing changed", () =>
    Effect.gen(function*() {
      const stats = yield* Stats
      const next = yield* Stream.toPull(stats.changes)
      yield* next
      for (let count = 1; count <= 1_000; count++) stats.setTracked(count)
      assert.deepStrictEqual((yield* next).pipe(Chunk.toReadonlyArray), [
        { ...Counters.zero, tracked_endpoints: 1_000 }
      ])
      stats.setTracked(1_000)
      const waiting = yield* Effect.fork(Effect.timeoutOption(next, "1 second"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.join(waiting)))
    }).pipe(Effect.provide(StandardStats.layer)))
})
