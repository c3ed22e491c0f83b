/**
 * An identity that is made for this process and gone with it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Entropy } from "../services/Entropy.js"
import { fromKeyPair, Identity } from "../services/Identity.js"

/** A fresh identity. @since 0.1.0 */
export const make: Effect.Effect<typeof Identity.Service, never, Entropy> = Effect.map(
  Entropy,
  (entropy) => fromKeyPair(entropy.signing())
)

/** @since 0.1.0 */
export const layer: Layer.Layer<Identity, never, Entropy> = Layer.effect(Identity, make)
