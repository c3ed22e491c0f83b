/**
 * Whoever sees each event of a node at the moment it happens, before any subscriber: what laws are checked with.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { NodeEvent } from "../domain/NodeEvent.js"

/** Nobody, unless one is provided. It must cost little, for the node waits for it, and it must not throw. @since 0.1.0 */
export class Witness extends Context.Reference<Witness>()("vix/Witness", {
  defaultValue: (): (event: NodeEvent) => void => () => {}
}) {}
