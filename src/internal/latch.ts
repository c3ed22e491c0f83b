/**
 * Waiting for a change.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * Closes a latch and waits until somebody opens it: whoever finds nothing to do waits so for the next change.
 *
 * @since 0.1.0
 */
export const next = (latch: Effect.Latch): Effect.Effect<void> => {
  latch.unsafeClose()
  return latch.await
}
