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
import type { NodeEvent, Untimed } from "../domain/NodeEvent.js"

/** What is told of it, as events of the node. @since 0.1.0 */
export type Report = Untimed<Extract<NodeEvent, { readonly ev: "registry.ok" | "registry.error" }>>

/** @since 0.1.0 */
export class Bootstrap extends Context.Tag("vix/Bootstrap")<Bootstrap, {
  /** The peers that the registry names, each time it names them. */
  readonly candidates: Stream.Stream<Candidate>
  /** What is told of it, from the moment the stream is run and, for the first to run it, what came before. */
  readonly reports: Stream.Stream<Report>
  /** Announces that this node listens on `port`; takes the entry back when the scope closes. */
  readonly announce: (port: number) => Effect.Effect<void, never, Scope.Scope>
}>() {}
