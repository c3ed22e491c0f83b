/**
 * An identity that is made for this process and gone with it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { sign } from "node:crypto"
import * as PeerId from "../domain/PeerId.js"
import { Entropy } from "../services/Entropy.js"
import { Identity } from "../services/Identity.js"

/** A fresh identity. @since 0.1.0 */
export const make: Effect.Effect<typeof Identity.Service, never, Entropy> = Effect.map(Entropy, (entropy) => {
  const { privateKey, publicKey } = entropy.signing()
  return Identity.of({
    publicKey,
    peerId: PeerId.fromKey(publicKey),
    sign: (message) => new Uint8Array(sign(null, message, privateKey))
  })
})

/** @since 0.1.0 */
export const layer: Layer.Layer<Identity, never, Entropy> = Layer.effect(Identity, make)
