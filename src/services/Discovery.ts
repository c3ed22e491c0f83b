/**
 * Peers heard on the local network, and being heard there.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Candidate } from "../domain/Candidate.js"
import type { NodeEvent, Untimed } from "../domain/NodeEvent.js"

/** What is told of it, as events of the node. @since 0.1.0 */
export type Report = Untimed<
  Extract<NodeEvent, { readonly ev: "beacon.sent" | "beacon.received" | "beacon.error" }>
>

/** Takes what is heard and told, at the moment it is: plain functions, because a beacon must cost little. @since 0.1.0 */
export interface Listener {
  /** Takes a node that was heard on the local network. */
  readonly candidate: (candidate: Candidate) => void
  /** Takes what is told of it. */
  readonly report: (report: Report) => void
}

/** @since 0.1.0 */
export class Discovery extends Context.Tag("vix/Discovery")<Discovery, {
  /** Tells a listener whom it hears, each time, until the scope closes; the first one what came before, too. */
  readonly listen: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Announces that this node listens on `port`, for as long as the scope is open. `takesStrangers`, asked for each
   * announcement, tells whether who dials us without being known would find a place; it would if nothing is given.
   */
  readonly announce: (
    port: number,
    takesStrangers?: () => boolean
  ) => Effect.Effect<void, never, Scope.Scope>
}>() {}
