/**
 * How a node deals with its registry.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** @since 0.1.0 */
export interface Settings {
  /** The base of the registry, http or https: its path is kept, a query or a password is not. */
  readonly url: URL
  /** Milliseconds between two visits (± 10 %). */
  readonly intervalMillis: number
  /** Whether this node is announced; peers are asked for in any case. */
  readonly announce: boolean
  /** How many peers are asked for in one visit. */
  readonly limit: number
  /** The TCP port to announce where it is not the one listened on, as behind a mapped port. */
  readonly advertise: Option.Option<number>
  /** Whether link-local addresses (169.254.0.0/16, fe80::/10) that the registry names are dialled. */
  readonly linkLocal: boolean
}

/** @since 0.1.0 */
export class BootstrapConfig extends Context.Tag("vix/BootstrapConfig")<BootstrapConfig, Settings>() {}

/** Everything but the address. @since 0.1.0 */
export const defaults: Omit<Settings, "url"> = {
  intervalMillis: 15_000,
  announce: true,
  limit: 20,
  advertise: Option.none(),
  linkLocal: false
}

/** The defaults with some settings of one's own. @since 0.1.0 */
export const make = (settings: Partial<Settings> & Pick<Settings, "url">): Settings => ({
  ...defaults,
  ...settings
})

/** @since 0.1.0 */
export const layer = (settings: Partial<Settings> & Pick<Settings, "url">): Layer.Layer<BootstrapConfig> =>
  Layer.succeed(BootstrapConfig, make(settings))
