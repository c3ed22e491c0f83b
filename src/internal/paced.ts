/**
 * Dials to what a registry named, few at once and slowly: it may name anything.
 */
import * as Effect from "effect/Effect"
import type { Candidate } from "../domain/Candidate.js"
import type { Limits } from "../domain/Limits.js"
import type { Dialler } from "./dialler.js"

/** Attempts one candidate after the other; what the guard refuses costs no time. */
export const paced = (
  dialler: Dialler,
  { registryDials, registryDialsPerSecond }: Limits
): (candidate: Candidate) => Effect.Effect<void> => {
  const places = Effect.unsafeMakeSemaphore(registryDials)
  return ({ endpoint, key }) =>
    Effect.gen(function*() {
      yield* places.take(1)
      const begun = dialler.attempt(endpoint, "automatic", key)
      if ("verdict" in begun) {
        yield* places.release(1)
      } else {
        yield* Effect.fork(Effect.zipRight(Effect.exit(begun.opened.wait), places.release(1)))
        yield* Effect.sleep(1_000 / registryDialsPerSecond)
      }
    })
}
