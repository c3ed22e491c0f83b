/**
 * The guard over a table in memory, on the clock and the counters of the program.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
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
    const clock = yield* Effect.clock
    const guard = new Guard(limits)
    const now = () => Number(clock.unsafeCurrentTimeNanos()) / 1e6

    return ConnectionGuard.of({
      ask: (endpoint, source, peer) => {
        const { retryInMillis, verdict } = guard.ask(endpoint, source, peer, now())
        const counter = verdict === "backing off" && source === "timed" ? undefined : counterOf[verdict]
        if (counter !== undefined) stats.increment(counter)
        stats.setTracked(guard.tracked)
        return { verdict, retryIn: wholeMillis(retryInMillis) }
      },
      failed: (endpoint, reason, random, peer) => {
        const { failure, waitMillis } = guard.failed(endpoint, reason, peer, now(), random)
        if (failure) stats.increment("connect_failures")
        return wholeMillis(waitMillis)
      },
      established: (endpoint, peer) => guard.established(endpoint, peer, now()),
      lost: (endpoint, reason, random) => wholeMillis(guard.lost(endpoint, reason, now(), random)),
      peerOpened: (peer, at) => guard.peerOpened(peer, at),
      peerClosed: (peer) => guard.peerClosed(peer),
      want: (endpoint) => {
        guard.want(endpoint, now())
        stats.setTracked(guard.tracked)
      },
      unwant: (endpoint) => guard.unwant(endpoint, now()),
      explain: (endpoint) => Option.map(Option.fromNullable(guard.explain(endpoint, now())), explanation)
    })
  })

/** @since 0.1.0 */
export const layer: Layer.Layer<ConnectionGuard, never, Stats | NodeConfig> = Layer.effect(
  ConnectionGuard,
  Effect.flatMap(NodeConfig, ({ limits }) => make(limits))
)

/** The counter of each verdict that has one. */
const counterOf: { readonly [V in Verdict]?: Exclude<Counter, Gauge> } = {
  dial: "connect_attempts",
  deduplicated: "connect_deduped",
  "backing off": "backoff_skips"
}

/** Rounded up: a timer must not come a fraction before the guard's time. */
const wholeMillis = (millis: number): Duration.Duration =>
  millis > 0 ? Duration.millis(Math.ceil(millis)) : Duration.zero

const explanation = ({ last, peer, reason, retryInMillis, ...rest }: Explanation) => ({
  ...rest,
  verdict: Option.fromNullable(last),
  reason: Option.fromNullable(reason),
  retryIn: wholeMillis(retryInMillis),
  peer: Option.fromNullable(peer)
})
