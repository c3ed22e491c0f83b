/**
 * How a node deals with its registry.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { maxPort } from "../domain/Endpoint.js"
import { longestMillis, Problems } from "../domain/Problems.js"

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

/**
 * The defaults with some settings of one's own. Throws a RangeError that names all that cannot be used.
 *
 * @since 0.1.0
 */
export const make = (settings: Partial<Settings> & Pick<Settings, "url">): Settings => {
  const all = { ...defaults, ...settings }
  const { host, protocol } = all.url
  const problems = new Problems("BootstrapConfig.")
  problems.say(/^https?:$/.test(protocol), `url ${protocol}//${host}: expected http or https`)
  problems.whole("intervalMillis", all.intervalMillis, 1, longestMillis)
  problems.whole("limit", all.limit, 1, Number.MAX_SAFE_INTEGER)
  if (Option.isSome(all.advertise)) problems.whole("advertise", all.advertise.value, 1, maxPort)
  problems.raise()
  return all
}

/** Throws as `make` does. @since 0.1.0 */
export const layer = (settings: Partial<Settings> & Pick<Settings, "url">): Layer.Layer<BootstrapConfig> =>
  Layer.succeed(BootstrapConfig, make(settings))
