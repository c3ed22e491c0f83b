/**
 * The nine counters of one node.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Counter, Counters } from "../domain/Counters.js"
import type { Reason } from "../domain/Reason.js"

/** The counters that are set rather than counted. @since 0.1.0 */
export type Gauge = "peers_total" | "peers_connected" | "tracked_endpoints"

/**
 * What counts does so at once, as plain functions: it happens many times for each that is read.
 *
 * @since 0.1.0
 */
export class Stats extends Context.Tag("vix/Stats")<Stats, {
  /** Adds one. */
  readonly increment: (counter: Exclude<Counter, Gauge>) => void
  /** Sets both peer gauges at once, so that no snapshot shows more connected than known. */
  readonly setPeers: (total: number, connected: number) => void
  /** Sets the number of endpoints that the guard remembers. */
  readonly setTracked: (count: number) => void
  /** Counts why a connection or an attempt ended. */
  readonly ended: (reason: Reason) => void
  /** The counters now. */
  readonly snapshot: Effect.Effect<Counters>
  /** How often each reason has ended a connection or an attempt. */
  readonly reasons: Effect.Effect<Readonly<Partial<Record<Reason, number>>>>
  /** The counters now and after every change; a slow consumer sees the latest only. */
  readonly changes: Stream.Stream<Counters>
}>() {}
