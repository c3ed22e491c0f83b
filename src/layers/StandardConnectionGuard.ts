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
    let told = guard.tracked
    /** Tells how many endpoints are tracked, if that has changed. */
    const tracked = <A>(then: Effect.Effect<A>): Effect.Effect<A> => {
      if (guard.tracked === told) return then
      told = guard.tracked
      return Effect.zipRight(stats.setTracked(told), then)
    }

    return ConnectionGuard.of({
      ask: (endpoint, source, peer) =>
        at((now) => {
          const { retryInMillis, verdict } = guard.ask(endpoint, source, peer, now)
          const judgement = { verdict, retryIn: wholeMillis(retryInMillis) }
          const counter = verdict === "backing off" && source === "timed" ? undefined : counterOf[verdict]
          return tracked(
            counter === undefined
              ? Effect.succeed(judgement)
              : Effect.as(stats.increment(counter), judgement)
          )
        }),
      failed: (endpoint, reason, peer) =>
        at((now) =>
          Effect.flatMap(Random.next, (random) => {
            const { failure, waitMillis } = guard.failed(endpoint, reason, peer, now, random)
            const wait = wholeMillis(waitMillis)
            return failure ? Effect.as(stats.increment("connect_failures"), wait) : Effect.succeed(wait)
          })
        ),
      established: (endpoint, peer) => at((now) => Effect.succeed(guard.established(endpoint, peer, now))),
      lost: (endpoint, reason) =>
        at((now) =>
          Effect.map(Random.next, (random) => wholeMillis(guard.lost(endpoint, reason, now, random)))
        ),
      peerOpened: (peer, at) => Effect.sync(() => guard.peerOpened(peer, at)),
      peerClosed: (peer) => Effect.sync(() => guard.peerClosed(peer)),
      want: (endpoint) =>
        at((now) => {
          guard.want(endpoint, now)
          return tracked(Effect.void)
        }),
      unwant: (endpoint) => at((now) => Effect.succeed(guard.unwant(endpoint, now))),
      explain: (endpoint) =>
        at((now) =>
          Effect.succeed(Option.map(Option.fromNullable(guard.explain(endpoint, now)), explanation))
        )
    })
  })

/** @since 0.1.0 */
export const layer: Layer.Layer<ConnectionGuard, never, Stats | NodeConfig> = Layer.effect(
  ConnectionGuard,
  Effect.flatMap(NodeConfig, ({ limits }) => make(limits))
)

/** Does something at a time of the monotonic clock, in milliseconds. */
const at = <A>(act: (nowMillis: number) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.clockWith((clock) => act(Number(clock.unsafeCurrentTimeNanos()) / 1e6))

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
