/**
 * The guard over a table in memory, on the clock, the chance and the counters of the program.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Counter } from "../domain/Counters.js"
import { type Explanation, Guard, type Verdict } from "../domain/Guard.js"
import type { Limits } from "../domain/Limits.js"
import { ConnectionGuard } from "../services/ConnectionGuard.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { type Gauge, Stats } from "../services/Stats.js"

/** A guard with an empty table. @since 0.1.0 */
export const make = (limits: Limits): Effect.Effect<typeof ConnectionGuard.Service, never, Stats> =>
  Effect.gen(function*() {
    const stats = yield* Stats
    const guard = new Guard(limits)
    const countTracked = Effect.suspend(() => stats.setTracked(guard.tracked))

    return ConnectionGuard.of({
      ask: (endpoint, source, peer) =>
        Effect.flatMap(monotonicMillis, (now) => {
          const { retryInMillis, verdict } = guard.ask(endpoint, source, peer, now)
          const judgement = { verdict, retryIn: wholeMillis(retryInMillis) }
          const counter = verdict === "backing off" && source === "timed" ? undefined : counterOf[verdict]
          const counted = counter === undefined
            ? countTracked
            : Effect.zipRight(countTracked, stats.increment(counter))
          return Effect.as(counted, judgement)
        }),
      failed: (endpoint, reason, peer) =>
        Effect.flatMap(Effect.zip(monotonicMillis, Random.next), ([now, random]) => {
          const { failure, waitMillis } = guard.failed(endpoint, reason, peer, now, random)
          const wait = wholeMillis(waitMillis)
          return failure ? Effect.as(stats.increment("connect_failures"), wait) : Effect.succeed(wait)
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

const monotonicMillis = Effect.clockWith((clock) =>
  Effect.succeed(Number(clock.unsafeCurrentTimeNanos()) / 1e6)
)

/** The counter of each verdict that has one. */
const counterOf: { readonly [V in Verdict]?: Exclude<Counter, Gauge> } = {
  dial: "connect_attempts",
  deduplicated: "connect_deduped",
  "backing off": "backoff_skips"
}

/** Rounded up: a timer must not come a fraction before the guard's time. */
const wholeMillis = (millis: number): Duration.Duration => Duration.millis(Math.ceil(millis))

const explanation = ({ last, peer, reason, retryInMillis, ...rest }: Explanation) => ({
  ...rest,
  verdict: Option.fromNullable(last),
  reason: Option.fromNullable(reason),
  retryIn: wholeMillis(retryInMillis),
  peer: Option.fromNullable(peer)
})
