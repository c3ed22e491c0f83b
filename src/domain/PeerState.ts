/**
 * The six states of a connection to a peer, and the changes between them that can be.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** @since 0.1.0 */
export const PeerState = Schema.Literal(
  "Disconnected",
  "Connecting",
  "Handshaking",
  "Connected",
  "Stale",
  "Closed"
)

/** @since 0.1.0 */
export type PeerState = typeof PeerState.Type

const next: Readonly<Record<PeerState, ReadonlyArray<PeerState>>> = {
  Disconnected: ["Connecting", "Handshaking"],
  Connecting: ["Handshaking", "Closed"],
  Handshaking: ["Connected", "Closed"],
  Connected: ["Stale", "Closed"],
  Stale: ["Connected", "Closed"],
  Closed: []
}

/** Whether a connection may go from one state to another. @since 0.1.0 */
export const isLegal = (from: PeerState, to: PeerState): boolean => next[from].includes(to)

/** Whether a session is in force: Connected or Stale. @since 0.1.0 */
export const isLive = (state: PeerState): state is "Connected" | "Stale" =>
  state === "Connected" || state === "Stale"
