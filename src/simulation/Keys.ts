/**
 * The X25519 key pairs that a world hands out, one after the other. The n-th is the same in every world, so that a
 * process works it out once, however many worlds it runs: nothing depends on what it is, but that no two are equal.
 *
 * @since 0.1.0
 */
import * as Crypto from "../protocol/Crypto.js"
import type { KeyPair } from "../protocol/KeyPair.js"

/** @since 0.1.0 */
export class Keys {
  #next = 0

  /** A pair that this world has not seen. */
  next(): KeyPair {
    const number = this.#next++
    return known[number] ?? make(number)
  }
}

/** Those that are kept: more than the nodes of most worlds need. */
const kept = 4_096

const known: Array<KeyPair> = []

const make = (number: number): KeyPair => {
  const secret = new Uint8Array(Crypto.keyBytes)
  new DataView(secret.buffer).setUint32(0, number)
  const pair = Crypto.keyPair("X25519", secret)
  if (number < kept) known[number] = pair
  return pair
}
