/**
 * Secret chance: random bytes and fresh keys, as plain functions that wait for nothing. In production it is
 * `node:crypto` and nothing else.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { KeyPair } from "../protocol/KeyPair.js"

/** @since 0.1.0 */
export class Entropy extends Context.Tag("vix/Entropy")<Entropy, {
  /** `size` random bytes. */
  readonly bytes: (size: number) => Uint8Array
  /** A fresh X25519 key pair. */
  readonly keyAgreement: () => KeyPair
  /** A fresh Ed25519 key pair. */
  readonly signing: () => KeyPair
}>() {}
