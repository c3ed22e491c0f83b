/**
 * Our own Ed25519 identity.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { PeerId } from "../domain/PeerId.js"

/** @since 0.1.0 */
export class Identity extends Context.Tag("vix/Identity")<Identity, {
  /** The Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The same as a PeerId. */
  readonly peerId: PeerId
  /** Ed25519 signature of a message, 64 bytes. The private key never leaves the layer. */
  readonly sign: (message: Uint8Array) => Uint8Array
}>() {}
