/**
 * Receiving newcomers, the same for every transport.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Runtime from "effect/Runtime"
import type { Connection, Reception } from "../services/Transport.js"

/**
 * Starts fibers in the scope of a listener, as `FiberSet.makeRuntime` makes it.
 *
 * @since 0.1.0
 */
export type Run = (effect: Effect.Effect<void>, options?: Runtime.RunForkOptions) => Fiber.RuntimeFiber<void>

/**
 * Runs the handler of one connection in a fiber of its own and calls `close` when that fiber is over, however it
 * ended. A defect ends this connection alone and is logged.
 *
 * @since 0.1.0
 */
export const receive = (run: Run, reception: Reception, connection: Connection, close: () => void): void => {
  const handler = Effect.suspend(() => reception.handle(connection)).pipe(
    // The listener may have been opened where nothing can be interrupted; closing it must end its handlers.
    Effect.interruptible,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Effect.annotateLogs(
          Effect.logError("the handler of a connection died", cause),
          "remote",
          String(connection.remote)
        )
    )
  )
  // An observer and not a finalizer: a fiber that is interrupted before its first step has none.
  run(handler, { immediate: false }).addObserver(() => close())
}
