/**
 * Who still lives, judged by silence; in monotonic milliseconds.
 *
 * @since 0.1.0
 */
import type { Limits } from "./Limits.js"

/** A peer with a session, and when a byte of it last opened. @since 0.1.0 */
export interface Watched {
  readonly state: "Connected" | "Stale"
  readonly heardMillis: number
}

/**
 * Judges a peer: the state it has from now on, or `Close` for one that was Stale for too long. Nobody counts as
 * silent since before `floorMillis` (see {@link floor}).
 *
 * @since 0.1.0
 */
export const assess = (
  peer: Watched,
  floorMillis: number,
  nowMillis: number,
  limits: Pick<Limits, "pingMillis" | "staleMillis" | "staleIntervals">
): "Connected" | "Stale" | "Close" => {
  if (nowMillis - peer.heardMillis < limits.staleMillis) return "Connected"
  const silence = nowMillis - Math.max(peer.heardMillis, floorMillis)
  if (silence < limits.staleMillis) return peer.state
  return peer.state === "Stale" && silence >= limits.staleMillis + limits.staleIntervals * limits.pingMillis
    ? "Close"
    : "Stale"
}

/**
 * The time before which no silence counts, newly set if this process has slept: if the last two rounds of the
 * heartbeat lie further apart than an interval and a half. Then every peer has one interval left to be heard before
 * it is judged, for we were the silent ones. A heartbeat begins with `-Infinity`, and its start as the last round.
 *
 * @since 0.1.0
 */
export const floor = (
  beforeMillis: number,
  lastRoundMillis: number,
  nowMillis: number,
  limits: Pick<Limits, "pingMillis" | "staleMillis">
): number =>
  nowMillis - lastRoundMillis > 1.5 * limits.pingMillis
    ? nowMillis - (limits.staleMillis - limits.pingMillis)
    : beforeMillis

/**
 * Milliseconds until the next Ping to a peer is due: the interval for who has one session, down to nine tenths of it for
 * who has many. It leaves in the first round from then on, and so within 10 % of the interval if rounds are a tenth of
 * it apart. A node with many sessions thus asks before a peer with few, many peers in one round; and these need not ask
 * by themselves, each in a moment of its own, for their Pings go along with the answers. `random` is at least 0 and less
 * than 1; `sessions` are at least 1.
 *
 * @since 0.1.0
 */
export const nextPingMillis = (
  random: number,
  sessions: number,
  limits: Pick<Limits, "pingMillis">
): number => limits.pingMillis * (1 - (1 - leastPing) * (1 - 1 / sessions) * (1 - random / 2))

/** Milliseconds between two Pings at least: from then on, one may go along with a Pong. @since 0.1.0 */
export const leastPingMillis = (limits: Pick<Limits, "pingMillis">): number => limits.pingMillis * leastPing

const leastPing = 0.9
