/**
 * The guard over a table in memory, on the clock, the chance and the counters of the program.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { type Explanation, Guard } from "../domain/Guard.js"
import type { Limits } from "../domain/Limits.js"
import { ConnectionGuard } from "../services/ConnectionGuard.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { Stats } from "../services/Stats.js"

/** A guard with an empty table. @since 0.1.0 */
export const make = (limits: Limits): Effect.Effect<typeof ConnectionGuard.Service, never, Stats> =>
  Effect.gen(function*() {
    const stats = yield* Stats
    const guard = new Guard(limits)
    const countTracked = Effect.suspend(() => stats.setTracked(guard.tracked))

    return ConnectionGuard.of({
      ask: Effect.fnUntraced(function*(endpoint, source, peer) {
        const { retryInMillis, verdict } = guard.ask(endpoint, source, peer, yield* monotonicMillis)
        yield* countTracked
        if (verdict === "dial") yield* stats.increment("connect_attempts")
        if (verdict === "deduplicated") yield* stats.increment("connect_deduped")
        if (verdict === "backing off" && source !== "timed") yield* stats.increment("backoff_skips")
        return { verdict, retryIn: wholeMillis(retryInMillis) }
      }),
      failed: Effect.fnUntraced(function*(endpoint, reason, peer) {
        const now = yield* monotonicMillis
        const { failure, waitMillis } = guard.failed(endpoint, reason, peer, now, yield* Random.next)
        if (failure) yield* stats.increment("connect_failures")
        return wholeMillis(waitMillis)
      }),
      established: (endpoint, peer) =>
        Effect.map(monotonicMillis, (now) => guard.established(endpoint, peer, now)),
      lost: (endpoint, reason) =>
        Effect.zipWith(
          monotonicMillis,
          Random.next,
          (now, random) => wholeMillis(guard.lost(endpoint, reason, now, random))
        ),
      peerOpened: (peer, at) => Effect.sync(() => guard.peerOpened(peer, at)),
      peerClosed: (peer) => Effect.sync(() => guard.peerClosed(peer)),
      want: (endpoint) =>
        Effect.zipRight(Effect.map(monotonicMillis, (now) => guard.want(endpoint, now)), countTracked),
      unwant: (endpoint) => Effect.map(monotonicMillis, (now) => guard.unwant(endpoint, now)),
      explain: (endpoint) =>
        Effect.map(
          monotonicMillis,
          (now) => Option.map(Option.fromNullable(guard.explain(endpoint, now)), explanation)
        )
    })
  })

/** @since 0.1.0 */
export const layer: Layer.Layer<ConnectionGuard, never, Stats | NodeConfig> = Layer.effect(
  ConnectionGuard,
  Effect.flatMap(NodeConfig, ({ limits }) => make(limits))
)

const monotonicMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Rounded up: a timer must not come a fraction before the guard's time. */
const wholeMillis = (millis: number): Duration.Duration => Duration.millis(Math.ceil(millis))

const explanation = ({ last, peer, reason, retryInMillis, ...rest }: Explanation) => ({
  ...rest,
  verdict: Option.fromNullable(last),
  reason: Option.fromNullable(reason),
  retryIn: wholeMillis(retryInMillis),
  peer: Option.fromNullable(peer)
})
