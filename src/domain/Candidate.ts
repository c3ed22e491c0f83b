/**
 * A hint that a peer may be found somewhere. It may cause a dial; it is never trusted.
 *
 * @since 0.1.0
 */
import type { Endpoint } from "./Endpoint.js"

/** @since 0.1.0 */
export interface Candidate {
  readonly endpoint: Endpoint
  /** The node id the hint names; unproven. */
  readonly nodeId: string
  /** The peer's key or its first 16 hexadecimal digits, if the hint names it; unproven. */
  readonly key?: string
}
