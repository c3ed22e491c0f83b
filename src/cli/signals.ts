/** Signals of the system, as an effect. */
import * as Effect from "effect/Effect"

/** Waits until the signal aborts, and tells why. */
export const aborted = (signal: AbortSignal): Effect.Effect<string> =>
  Effect.async((resume) => {
    const tell = () => resume(Effect.succeed(String(signal.reason)))
    if (signal.aborted) return tell()
    signal.addEventListener("abort", tell, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", tell))
  })
