/**
 * What a program in the world stands on: the host it runs on, the network around it, and its own process.
 *
 * @since 0.1.0
 */
import type { Chance } from "./Chance.js"
import type { Mishaps } from "./Mishaps.js"
import type { Host, Network } from "./Network.js"
import type { Process } from "./Process.js"

/** @since 0.1.0 */
export interface Machine {
  readonly network: Network
  readonly host: Host
  readonly process: Process
  /** What its secrets are drawn from; no secrets in truth, since the seed tells them all. */
  readonly chance: Chance
  readonly mishaps: Mishaps
}
