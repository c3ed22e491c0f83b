/**
 * Protects the node and its peers from repeated dials: a verdict for each wish, and a memory of what became of it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type { Endpoint } from "../domain/Endpoint.js"
import type { PeerId } from "../domain/PeerId.js"
import type { Reason } from "../domain/Reason.js"

/**
 * Where a wish to dial comes from: a person or program (`manual`), discovery or a registry (`automatic`), or the
 * timer of a wanted endpoint (`timed`).
 *
 * @since 0.1.0
 */
export type Source = "manual" | "automatic" | "timed"

/**
 * - `dial`: go ahead; the guard now holds a dial in flight for the endpoint
 * - `deduplicated`: an automatic wish too soon after the last attempt, or for what is in flight or connected
 * - `in flight`: a dial to this endpoint is under way already
 * - `backing off`: the endpoint failed and its time has not come
 * - `self`: the endpoint is this very node
 * - `connected`: a session with the peer at this endpoint exists
 * - `limit`: every place in the table is held by an endpoint in use
 *
 * @since 0.1.0
 */
export type Verdict = "dial" | "deduplicated" | "in flight" | "backing off" | "self" | "connected" | "limit"

/** @since 0.1.0 */
export interface Judgement {
  readonly verdict: Verdict
  /** How long until another try is of use; zero where it is not time that stands against it. */
  readonly retryIn: Duration.Duration
}

/**
 * Everything the guard knows of an endpoint.
 *
 * @since 0.1.0
 */
export interface Explanation {
  readonly endpoint: Endpoint
  /** The last verdict and the wish that got it, where there was one. */
  readonly verdict: Option.Option<{ readonly verdict: Verdict; readonly source: Source }>
  /** Why the last attempt or session ended. */
  readonly reason: Option.Option<Reason>
  /** Failures in a row. */
  readonly failures: number
  /** How long until it may be dialled again. */
  readonly retryIn: Duration.Duration
  readonly wanted: boolean
  readonly inFlight: boolean
  /** The peer last met there. */
  readonly peer: Option.Option<PeerId>
}

/**
 * Plain functions that judge or note at once, for hints come by the thousand. A `random` of 0 to below 1 spreads the
 * wait.
 *
 * @since 0.1.0
 */
export class ConnectionGuard extends Context.Tag("vix/ConnectionGuard")<ConnectionGuard, {
  /**
   * Judges a wish to dial. `peer` is the key, or its first 16 digits, that the wish expects there, if it names one. Counts
   * `connect_attempts`, `connect_deduped`, `backoff_skips` and `tracked_endpoints`.
   */
  readonly ask: (endpoint: Endpoint, source: Source, peer?: string) => Judgement
  /**
   * The dial in flight ended before Connected. A reason of class `none` is an abandoned attempt; others count in
   * `connect_failures` and lengthen the back-off; `SelfConnection` marks the endpoint for good. `peer` is who was
   * met there, if that came out. Returns how long a timed redial has to wait.
   */
  readonly failed: (
    endpoint: Endpoint,
    reason: Reason,
    random: number,
    peer?: PeerId
  ) => Duration.Duration
  /** The dial in flight became a session with `peer`. */
  readonly established: (endpoint: Endpoint, peer: PeerId) => void
  /**
   * The session that a dial to `endpoint` became has ended. One that lasted less than 15 s and ended by a failure
   * lengthens the back-off. Returns how long a timed redial has to wait, a random wait included.
   */
  readonly lost: (endpoint: Endpoint, reason: Reason, random: number) => Duration.Duration
  /** A session with `peer` is in force, whoever dialled; `at` is where it can be dialled, if it listens. */
  readonly peerOpened: (peer: PeerId, at?: Endpoint) => void
  /** No session with `peer` is in force any more. */
  readonly peerClosed: (peer: PeerId) => void
  /** Keeps an endpoint in the table for as long as it is wanted; wishes are counted, `unwant` takes one back. */
  readonly want: (endpoint: Endpoint) => void
  /** Takes a wish for an endpoint back. */
  readonly unwant: (endpoint: Endpoint) => void
  /** What the guard knows of an endpoint; none if it was never asked or has forgotten it. */
  readonly explain: (endpoint: Endpoint) => Option.Option<Explanation>
}>() {}
