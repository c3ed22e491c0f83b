/**
 * No registry: it names nobody and nobody announces to it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Bootstrap } from "../services/Bootstrap.js"

/** @since 0.1.0 */
export const make: typeof Bootstrap.Service = Bootstrap.of({
  candidates: Stream.empty,
  reports: Stream.empty,
  announce: () => Effect.void
})

/** @since 0.1.0 */
export const layer: Layer.Layer<Bootstrap> = Layer.succeed(Bootstrap, make)
