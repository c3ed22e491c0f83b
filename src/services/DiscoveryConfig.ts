/**
 * The settings of discovery on the local network.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { maxPort } from "../domain/Endpoint.js"
import type { Selection } from "../domain/Interfaces.js"
import { longestMillis, Problems } from "../domain/Problems.js"

/** @since 0.1.0 */
export interface Settings {
  /** UDP port, the same on all nodes that shall hear each other. */
  readonly port: number
  /** How beacons travel: one directed broadcast, or one datagram to 239.255.0.1, by each interface. */
  readonly mode: "broadcast" | "multicast"
  /** Milliseconds between two beacons (± 10 %). */
  readonly intervalMillis: number
  /** The interfaces to use. */
  readonly interfaces: Selection
  /** The TCP port to announce where another one is mapped to ours; without it the one we listen on. */
  readonly advertise: Option.Option<number>
}

/** @since 0.1.0 */
export class DiscoveryConfig extends Context.Tag("vix/DiscoveryConfig")<DiscoveryConfig, Settings>() {}

/** Every running interface, a beacon each two seconds. @since 0.1.0 */
export const defaults: Settings = {
  port: 37_020,
  mode: "broadcast",
  intervalMillis: 2_000,
  interfaces: { include: [], exclude: [] },
  advertise: Option.none()
}

/**
 * The defaults with some settings of one's own. Throws a RangeError that names all that cannot be used.
 *
 * @since 0.1.0
 */
export const make = (settings: Partial<Settings> = {}): Settings => {
  const all = { ...defaults, ...settings }
  const problems = new Problems("DiscoveryConfig.")
  problems.whole("port", all.port, 1, maxPort)
  problems.whole("intervalMillis", all.intervalMillis, 1, longestMillis)
  if (Option.isSome(all.advertise)) problems.whole("advertise", all.advertise.value, 1, maxPort)
  problems.raise()
  return all
}

/** Throws as `make` does. @since 0.1.0 */
export const layer = (settings: Partial<Settings> = {}): Layer.Layer<DiscoveryConfig> =>
  Layer.succeed(DiscoveryConfig, make(settings))
