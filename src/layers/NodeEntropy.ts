/**
 * Secret chance from `node:crypto`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { generateKeyPairSync, type KeyObject, randomBytes, randomFillSync } from "node:crypto"
import type { KeyPair } from "../protocol/KeyPair.js"
import { Entropy } from "../services/Entropy.js"

/** @since 0.1.0 */
export const make: typeof Entropy.Service = Entropy.of({
  bytes: (size) => isShort(size) ? short(size) : new Uint8Array(randomBytes(size)),
  keyAgreement: () => generate("x25519"),
  signing: () => generate("ed25519")
})

/** @since 0.1.0 */
export const layer: Layer.Layer<Entropy> = Layer.succeed(Entropy, make)

/** What is no longer than this comes from a store: a call of the system for each costs more than all else about it. */
const shortBytes = 64

const isShort = (size: number): boolean => Number.isInteger(size) && size >= 0 && size <= shortBytes

const store = new Uint8Array(64 * shortBytes)

/** How much of the store has been given out. */
let given = store.length

const short = (size: number): Uint8Array => {
  if (given + size > store.length) {
    randomFillSync(store)
    given = 0
  }
  const from = given
  given += size
  const bytes = store.slice(from, given)
  // Nobody finds here what was given out.
  store.fill(0, from, given)
  return bytes
}

/** What Node returns for a public key encoding alone, which its types do not know. */
type Generate = (type: string, options: { readonly publicKeyEncoding: { readonly format: "jwk" } }) => {
  readonly publicKey: { readonly x: string }
  readonly privateKey: KeyObject
}

const generate = (type: "x25519" | "ed25519"): KeyPair => {
  // Exporting the public key after it was generated as a KeyObject can deadlock in Node 20.
  const { privateKey, publicKey } = (generateKeyPairSync as unknown as Generate)(type, {
    publicKeyEncoding: { format: "jwk" }
  })
  return { publicKey: new Uint8Array(Buffer.from(publicKey.x, "base64url")), privateKey }
}
