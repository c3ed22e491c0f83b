/**
 * No discovery: nothing is heard and nothing is announced.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Discovery } from "../services/Discovery.js"

/** @since 0.1.0 */
export const make: typeof Discovery.Service = Discovery.of({
  listen: () => Effect.void,
  announce: () => Effect.void
})

/** @since 0.1.0 */
export const layer: Layer.Layer<Discovery> = Layer.succeed(Discovery, make)
