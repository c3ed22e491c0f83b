/**
 * `Bootstrap` from a registry in memory. It visits as `HttpBootstrap` does; the address of its configuration is not
 * looked at.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Visits from "../internal/visits.js"
import { Bootstrap } from "../services/Bootstrap.js"
import type { BootstrapConfig } from "../services/BootstrapConfig.js"
import type { Identity } from "../services/Identity.js"
import type { NodeConfig } from "../services/NodeConfig.js"
import { MemoryRegistry } from "./MemoryRegistry.js"

/** Where a node stands in the network: the address under which the registry lists it. @since 0.1.0 */
export interface Options {
  readonly host: string
}

/** @since 0.1.0 */
export const make = (
  { host }: Options
): Effect.Effect<
  Context.Tag.Service<Bootstrap>,
  never,
  MemoryRegistry | BootstrapConfig | Identity | NodeConfig | Scope.Scope
> => Effect.flatMap(MemoryRegistry, (registry) => Visits.make(registry.from(host)))

/** @since 0.1.0 */
export const layer = (
  options: Options
): Layer.Layer<Bootstrap, never, MemoryRegistry | BootstrapConfig | Identity | NodeConfig> =>
  Layer.scoped(Bootstrap, make(options))
