/**
 * Peers heard on the local network, and being heard there.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Candidate } from "../domain/Candidate.js"

/** @since 0.1.0 */
export class Discovery extends Context.Tag("vix/Discovery")<Discovery, {
  /** The nodes heard on the local network, each time they are heard. */
  readonly announcements: Stream.Stream<Candidate>
  /** Announces that this node listens on `port`, for as long as the scope is open. */
  readonly announce: (port: number) => Effect.Effect<void, never, Scope.Scope>
}>() {}
