/**
 * The nine counters of a node, in the order in which they are printed.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const count = Schema.Int.pipe(Schema.nonNegative())

/** @since 0.1.0 */
export const Counters = Schema.Struct({
  /** Peers Connected or Stale, and those lost less than a minute ago. */
  peers_total: count,
  /** Peers Connected or Stale. */
  peers_connected: count,
  /** Handshakes begun, dialled and accepted. */
  handshakes_started: count,
  /** Handshakes that ended Connected. */
  handshakes_completed: count,
  /** Dials begun. */
  connect_attempts: count,
  /** Automatic wishes to dial that were dropped as duplicates. */
  connect_deduped: count,
  /** Dials that failed before Connected. */
  connect_failures: count,
  /** Wishes to dial that fell into a back-off. */
  backoff_skips: count,
  /** Endpoints that the guard remembers. */
  tracked_endpoints: count
})

/** @since 0.1.0 */
export type Counters = typeof Counters.Type

/** @since 0.1.0 */
export type Counter = keyof Counters

/** The names of the counters, in order. @since 0.1.0 */
export const names = Object.keys(Counters.fields) as ReadonlyArray<Counter>

/** All counters at nought. @since 0.1.0 */
export const zero: Counters = Object.fromEntries(names.map((name) => [name, 0])) as Counters

/** `peers_total=1 peers_connected=1 ...`, the nine in order. @since 0.1.0 */
export const format = (counters: Counters): string =>
  names.map((name) => `${name}=${counters[name]}`).join(" ")
