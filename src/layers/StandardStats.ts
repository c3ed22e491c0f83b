/**
 * The counters in memory: a change costs an addition and, where somebody watches, a wake-up.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Counters from "../domain/Counters.js"
import type { Reason } from "../domain/Reason.js"
import { Stats } from "../services/Stats.js"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** Counters at nought. @since 0.1.0 */
export const make: Effect.Effect<typeof Stats.Service> = Effect.sync(() => {
  const counters: Mutable<Counters.Counters> = { ...Counters.zero }
  const reasons = new Map<Reason, number>()
  const watchers = new Set<Effect.Latch>()
  const set = (counter: Counters.Counter, value: number): void => {
    if (counters[counter] === value) return
    counters[counter] = value
    for (const watcher of watchers) watcher.unsafeOpen()
  }
  const snapshot = Effect.sync(() => ({ ...counters }))
  const watch = Effect.acquireRelease(
    Effect.sync(() => {
      // Open from the start: the first element is the counters as they are.
      const watcher = Effect.unsafeMakeLatch(true)
      watchers.add(watcher)
      return watcher
    }),
    (watcher) => Effect.sync(() => watchers.delete(watcher))
  )

  return Stats.of({
    increment: (counter) => set(counter, counters[counter] + 1),
    setPeers: (total, connected) => {
      set("peers_total", Math.max(total, connected))
      set("peers_connected", connected)
    },
    setTracked: (count) => set("tracked_endpoints", count),
    ended: (reason) => {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    },
    snapshot,
    reasons: Effect.sync(() => Object.fromEntries(reasons)),
    changes: Stream.unwrapScoped(
      Effect.map(watch, (watcher) =>
        Stream.repeatEffect(
          watcher.await.pipe(Effect.zipRight(watcher.close), Effect.zipRight(snapshot))
        ))
    )
  })
})

/** @since 0.1.0 */
export const layer: Layer.Layer<Stats> = Layer.effect(Stats, make)
