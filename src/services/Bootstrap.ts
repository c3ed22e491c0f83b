/**
 * Peers that a registry names, and being named by it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Candidate } from "../domain/Candidate.js"

/** @since 0.1.0 */
export class Bootstrap extends Context.Tag("vix/Bootstrap")<Bootstrap, {
  /** The peers that the registry names, each time it names them. */
  readonly candidates: Stream.Stream<Candidate>
  /** Announces that this node listens on `port`; takes the entry back when the scope closes. */
  readonly announce: (port: number) => Effect.Effect<void, never, Scope.Scope>
}>() {}
