/** When the counters are shown. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Counters, names } from "../domain/Counters.js"
import type { Stats } from "../services/Stats.js"

/** Time between two lines that come because something changed. */
const extraEvery = Duration.millis(80)

/** The counters whose change is shown at once. */
const telling = names.slice(0, 4)

/**
 * Shows the counters at start, then every `everyMillis`, and at once when one of the first four has changed, which
 * it does at most once in 80 ms. Never ends.
 */
export const statsLines = (
  stats: Stats["Type"],
  everyMillis: number,
  show: (counters: Counters) => Effect.Effect<void>
): Effect.Effect<never> =>
  Effect.gen(function*() {
    let shown: Counters | undefined
    let nextExtraAt = 0n
    const now = Effect.flatMap(stats.snapshot, (counters) => {
      shown = counters
      return show(counters)
    })
    const differs = (counters: Counters) => telling.some((name) => counters[name] !== shown?.[name])
    const extra = Effect.gen(function*() {
      const early = nextExtraAt - (yield* Clock.currentTimeNanos)
      if (early > 0n) yield* Effect.sleep(Duration.nanos(early))
      if (!differs(yield* stats.snapshot)) return
      nextExtraAt = (yield* Clock.currentTimeNanos) + Duration.unsafeToNanos(extraEvery)
      yield* now
    })
    yield* now
    const regularly = now.pipe(Effect.delay(Duration.millis(everyMillis)), Effect.forever)
    const changes = Stream.runForEach(stats.changes, (counters) => (differs(counters) ? extra : Effect.void))
    return yield* Effect.raceFirst(regularly, Effect.zipRight(changes, Effect.never))
  })
