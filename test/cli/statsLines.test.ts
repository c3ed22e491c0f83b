import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { statsLines } from "../../src/cli/statsLines.js"
import type { Counters } from "../../src/domain/Counters.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { Stats } from "../../src/services/Stats.js"

/** What is shown, with the millisecond at which it is. */
const shown = (everyMillis: number) =>
  Effect.gen(function*() {
    const stats = yield* Stats
    const lines: Array<readonly [number, Counters]> = []
    yield* Effect.fork(
      statsLines(stats, everyMillis, (counters) =>
        Effect.map(TestClock.currentTimeMillis, (now) => {
          lines.push([now, counters])
        }))
    )
    yield* TestClock.adjust(0)
    return { stats, lines, times: () => lines.map(([time]) => time) }
  })

const run = <A, E>(effect: Effect.Effect<A, E, Stats>) => Effect.provide(effect, StandardStats.layer)

describe("the stats line", () => {
  it.effect("comes at start and then at every interval", () =>
    run(Effect.gen(function*() {
      const { times } = yield* shown(500)
      assert.deepStrictEqual(times(), [0])
      yield* TestClock.adjust("1700 millis")
      assert.deepStrictEqual(times(), [0, 500, 1_000, 1_500])
    })))

  it.effect("comes at once when one of the first four counters changes", () =>
    run(Effect.gen(function*() {
      const { lines, stats, times } = yield* shown(1_000)
      yield* TestClock.adjust("100 millis")
      stats.setPeers(1, 1)
      yield* TestClock.adjust("100 millis")
      stats.increment("handshakes_started")
      yield* TestClock.adjust("100 millis")
      stats.increment("handshakes_completed")
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(times(), [0, 100, 200, 300])
      assert.deepInclude(lines.at(-1)?.[1], {
        peers_total: 1,
        peers_connected: 1,
        handshakes_started: 1,
        handshakes_completed: 1
      })
    })))

  it.effect("waits for its time when another counter changes", () =>
    run(Effect.gen(function*() {
      const { stats, times } = yield* shown(1_000)
      stats.increment("connect_attempts")
      stats.increment("backoff_skips")
      stats.setTracked(3)
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(times(), [0])
    })))

  it.effect("comes at most once in 80 ms beside its interval, and then with the latest", () =>
    run(Effect.gen(function*() {
      const { lines, stats, times } = yield* shown(10_000)
      for (let at = 0; at < 20; at++) {
        stats.increment("handshakes_started")
        yield* TestClock.adjust("10 millis")
      }
      assert.deepStrictEqual(times(), [0, 0, 80, 160])
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(times(), [0, 0, 80, 160, 240])
      assert.strictEqual(lines.at(-1)?.[1].handshakes_started, 20)
      yield* TestClock.adjust("1 second")
      assert.lengthOf(lines, 5)
    })))
})
