/**
 * `Entropy` from a seed: the same keys in every run. Fit for a simulation and for nothing else.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Crypto from "../protocol/Crypto.js"
import { Entropy } from "../services/Entropy.js"
import type { Chance } from "./Chance.js"
import type { World } from "./World.js"

/** @since 0.1.0 */
export const make = (world: World, chance: Chance): typeof Entropy.Service =>
  Entropy.of({
    bytes: (size) => chance.bytes(size),
    keyAgreement: () => world.keys.next(),
    signing: () => Crypto.keyPair("Ed25519", chance.bytes(Crypto.keyBytes))
  })

/** @since 0.1.0 */
export const layer = (world: World, chance: Chance): Layer.Layer<Entropy> =>
  Layer.sync(Entropy, () => make(world, chance))
