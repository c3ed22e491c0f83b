/**
 * Our own Ed25519 identity.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as PeerId from "../domain/PeerId.js"
import * as Crypto from "../protocol/Crypto.js"
import type { KeyPair } from "../protocol/KeyPair.js"

/** @since 0.1.0 */
export class Identity extends Context.Tag("vix/Identity")<Identity, {
  /** The Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The same as a PeerId. */
  readonly peerId: PeerId.PeerId
  /** Ed25519 signature of a message, 64 bytes. The private key never leaves the layer. */
  readonly sign: (message: Uint8Array) => Uint8Array
}>() {}

/** The identity of an Ed25519 key pair: a fresh one, or one that was kept. @since 0.1.0 */
export const fromKeyPair = ({ privateKey, publicKey }: KeyPair): typeof Identity.Service =>
  Identity.of({
    publicKey,
    peerId: PeerId.fromKey(publicKey),
    sign: (message) => new Uint8Array(Crypto.sign(privateKey, message))
  })
