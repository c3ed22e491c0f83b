/**
 * Receiving newcomers, the same for every transport.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../domain/Endpoint.js"
import { type Connection, type ListenOptions, type Reception, TransportError } from "../services/Transport.js"
import type { Ports } from "./ports.js"

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

/**
 * A host that is not real, and who listens on its ports.
 *
 * @since 0.1.0
 */
export interface Place<L> extends Pick<Ports, "release" | "take"> {
  readonly address: string
  readonly listeners: Map<number, L>
}

/**
 * Puts a listener on a port of such a host until the scope closes.
 *
 * @since 0.1.0
 */
export const listenOn = <L>(
  host: Place<L>,
  options: ListenOptions,
  listener: (run: Run, local: Endpoint.Endpoint) => L
): Effect.Effect<Endpoint.Endpoint, TransportError, Scope.Scope> =>
  Effect.gen(function*() {
    const wanted = Endpoint.make(options.host ?? host.address, options.port)
    const fail = (reason: "AddressNotAvailable" | "PortInUse") =>
      new TransportError({ reason, endpoint: wanted })
    if (wanted.host !== host.address && !everywhere.has(wanted.host)) {
      return yield* fail("AddressNotAvailable")
    }
    // Made first and so closed last: the port is free before the handlers say goodbye.
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const open = Effect.suspend(() => {
      const port = host.take(wanted.port)
      if (port === undefined) return fail("PortInUse")
      const local = Endpoint.make(host.address, port)
      host.listeners.set(port, listener(run, local))
      return Effect.succeed(local)
    })
    return yield* Effect.acquireRelease(open, ({ port }) =>
      Effect.sync(() => {
        host.listeners.delete(port)
        host.release(port)
      }))
  })

const everywhere = new Set(["0.0.0.0", "::"])
