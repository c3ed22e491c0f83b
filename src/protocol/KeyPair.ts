/**
 * A key pair as the protocol uses it: the public half as bytes, the private half as a handle that cannot be printed.
 *
 * @since 0.1.0
 */
import type { KeyObject } from "node:crypto"

/** X25519 or Ed25519. @since 0.1.0 */
export interface KeyPair {
  /** Raw public key, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly privateKey: KeyObject
}
