/**
 * Which of two sessions with one peer lives. Both ends decide alone and arrive at the same one.
 *
 * @since 0.1.0
 */
import type { Limits } from "./Limits.js"
import type { Direction } from "./NodeEvent.js"
import type { PeerId } from "./PeerId.js"

/** The session in force with a peer: established, or dialled by us with its HelloFinish sent. @since 0.1.0 */
export interface Current {
  readonly direction: Direction
  /** The number it was given by whoever dialled it. */
  readonly connSeq: bigint
  /** The peer's process, in hexadecimal. */
  readonly instance: string
}

/** What a valid HelloFinish says of its connection. @since 0.1.0 */
export interface Candidate {
  /** The peer's process, in hexadecimal. */
  readonly instance: string
  /** The number the peer gave this connection. */
  readonly connSeq: bigint
  /** The greatest number of a connection of ours that the peer has accepted; 0 for none. */
  readonly seenSeq: bigint
}

/** The greatest connection number that was accepted from one process of a peer. @since 0.1.0 */
export interface Accepted {
  readonly instance: string
  readonly seq: bigint
}

/**
 * - `Accept`: the candidate is the session in force. `restarted`: because the peer is another process than before
 * - `Duplicate`: the candidate gets Close(Duplicate), the current session stays
 *
 * @since 0.1.0
 */
export type Decision =
  | { readonly _tag: "Accept"; readonly restarted: boolean }
  | { readonly _tag: "Duplicate" }

/** Decides about an inbound connection with a valid HelloFinish from the peer `theirs`. @since 0.1.0 */
export const decide = (
  current: Current | undefined,
  candidate: Candidate,
  mine: PeerId,
  theirs: PeerId
): Decision => {
  if (current === undefined) return { _tag: "Accept", restarted: false }
  if (current.instance !== candidate.instance) return { _tag: "Accept", restarted: true }
  const accept = current.direction === "inbound"
    ? candidate.connSeq > current.connSeq
    // The peer has accepted ours and lost it since; or, as both dialled at once, theirs is the smaller key.
    : candidate.seenSeq >= current.connSeq || theirs < mine
  return accept ? { _tag: "Accept", restarted: false } : { _tag: "Duplicate" }
}

/**
 * What the current session is told when a candidate takes its place: `Duplicate` for our own dial that lost to one
 * made at the same time, `Replaced` otherwise.
 *
 * @since 0.1.0
 */
export const goodbye = (current: Current, candidate: Candidate): "Replaced" | "Duplicate" =>
  current.direction === "outbound" && current.instance === candidate.instance &&
    candidate.seenSeq < current.connSeq
    ? "Duplicate"
    : "Replaced"

/**
 * Decides about an own dial that has proven its peer, before the HelloFinish is written; `instance` is the
 * peer's process. `Duplicate` is closed silently and is no failure.
 *
 * @since 0.1.0
 */
export const commit = (current: Current | undefined, instance: string): Decision => {
  if (current === undefined) return { _tag: "Accept", restarted: false }
  return current.instance === instance
    ? { _tag: "Duplicate" }
    : { _tag: "Accept", restarted: true }
}

/** What is to be remembered of a peer once the candidate was accepted. @since 0.1.0 */
export const acceptedSeq = (
  before: Accepted | undefined,
  candidate: Pick<Candidate, "instance" | "connSeq">
): bigint =>
  before !== undefined && before.instance === candidate.instance && before.seq > candidate.connSeq
    ? before.seq
    : candidate.connSeq

/** The `seen_seq` of a HelloFinish to the peer's process `instance`. @since 0.1.0 */
export const seenSeq = (accepted: Accepted | undefined, instance: string): bigint =>
  accepted?.instance === instance ? accepted.seq : 0n

/**
 * Notes that a peer restarted, at monotonic milliseconds. `times` are the restarts that still count, at most one
 * beyond the limit; `cloned` says that there are too many for one host: two live ones share a key.
 *
 * @since 0.1.0
 */
export const restarted = (
  times: ReadonlyArray<number>,
  nowMillis: number,
  limits: Pick<Limits, "cloneSwaps" | "cloneMillis">
): { readonly times: ReadonlyArray<number>; readonly cloned: boolean } => {
  const recent = [...times, nowMillis]
    .filter((time) => nowMillis - time < limits.cloneMillis)
    .slice(-limits.cloneSwaps - 1)
  return { times: recent, cloned: recent.length > limits.cloneSwaps }
}
