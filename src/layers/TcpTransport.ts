/**
 * `Transport` over TCP, on `node:net` directly.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import { availableParallelism } from "node:os"
import * as Endpoint from "../domain/Endpoint.js"
import { BusyPoll, type Loop } from "../internal/conversation.js"
import { reasonOf } from "../internal/errno.js"
import { receive } from "../internal/reception.js"
import { acceptFrom, connection, endsOf, Inlet, reset, socketOptions } from "../internal/socket.js"
import {
  type Connection,
  type ListenOptions,
  type Reception,
  Transport,
  TransportError
} from "../services/Transport.js"

/** @since 0.1.0 */
export interface Options {
  /** Finds the addresses of a name when dialling; `dns.lookup` without it. */
  readonly lookup?: Net.LookupFunction
  /**
   * How long the process stays awake for the next message of a peer that answers at once, in microseconds; 0 for never,
   * 10,000 at most. Without it 250; and 0 where there is a single processor, for the peer may need it.
   */
  readonly busyPollMicros?: number
  /** The event loop that is kept awake; that of the process without it. */
  readonly loop?: Loop
}

/**
 * Dials names at all their addresses (RFC 8305) and listens on IPv4 and IPv6 alike.
 *
 * @since 0.1.0
 */
export const make = (
  { busyPollMicros = availableParallelism() > 1 ? wokenMicros : 0, lookup, loop }: Options = {}
): Context.Tag.Service<Transport> => {
  const poll = new BusyPoll(busyPollMicros / 1_000, loop)
  return {
    listen: (options, reception) => listen(options, reception, poll),
    dial: (endpoint) => dial(endpoint, poll, lookup)
  }
}

/** Real sockets, real names. @since 0.1.0 */
export const layer: Layer.Layer<Transport> = Layer.sync(Transport, make)

/** As long as a round trip on one host takes between two processes that have to be woken, where that is slow. */
const wokenMicros = 250

const dial = (endpoint: Endpoint.Endpoint, poll: BusyPoll, lookup: Net.LookupFunction | undefined) =>
  owned(
    () => {
      const inlet = new Inlet()
      const { host, port } = endpoint
      return {
        inlet,
        socket: Net.connect(Object.assign(socketOptions(inlet), { host, port, lookup, noDelay: true }))
      }
    },
    ({ inlet, socket }) =>
      Effect.async<Connection, TransportError>((resume) => {
        const fail = (cause?: unknown) =>
          resume(
            new TransportError({
              reason: cause === undefined ? "ConnectionReset" : reasonOf(cause),
              endpoint,
              cause
            })
          )
        // It stays: an error that comes later must find a listener.
        socket.on("error", fail)
        socket.once("connect", () => {
          const ends = endsOf(socket)
          if (ends === undefined) fail()
          else resume(Effect.succeed(connection(socket, inlet, ends, poll)))
        })
      }),
    ({ socket }) => socket.destroy()
  )

const listen = Effect.fnUntraced(function*(options: ListenOptions, reception: Reception, poll: BusyPoll) {
  // Made first and so closed last: the port is free before the handlers say goodbye.
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  const accept = (socket: Net.Socket, inlet: Inlet): void => {
    const ends = endsOf(socket)
    if (ends === undefined || !reception.admit(ends.remote)) {
      // It has no other listener, and its reset may fail.
      socket.on("error", () => {})
      return reset(socket)
    }
    receive(run, reception, connection(socket, inlet, ends, poll), () => socket.destroy())
  }
  return yield* owned(
    () => Net.createServer(),
    (server) =>
      Effect.async<Endpoint.Endpoint, TransportError>((resume) => {
        const wanted = Endpoint.make(options.host ?? "::", options.port)
        server.on("error", (cause) =>
          server.listening
            ? run(Effect.logWarning("a newcomer could not be accepted", reasonOf(cause)))
            : resume(new TransportError({ reason: reasonOf(cause), endpoint: wanted, cause })))
        server.listen({ port: options.port, host: options.host }, () => {
          // Now and not when the fiber goes on: somebody may come before.
          acceptFrom(server, accept)
          const address = server.address()
          resume(Effect.succeed(
            typeof address === "object" && address !== null
              ? Endpoint.make(address.address, address.port)
              : wanted
          ))
        })
      }),
    (server) => {
      server.close()
      // A name may still be looked up, after which it would listen for ever.
      server.once("listening", () => server.close())
    }
  )
})

/** Opens what the scope then owns, and waits until it is ready; what did not become so is closed at once. */
const owned = <H, A>(
  open: () => H,
  ready: (handle: H) => Effect.Effect<A, TransportError>,
  close: (handle: H) => void
): Effect.Effect<A, TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.scopeWith((scope) => {
      const handle = open()
      return Effect.matchCauseEffect(restore(ready(handle)), {
        onFailure: (cause) => {
          close(handle)
          return Effect.failCause(cause)
        },
        // Not `Effect.addFinalizer`, which compares all fiber refs of both moments; the one that is given the exit needs
        // the fewest steps.
        onSuccess: (it) =>
          Effect.as(Scope.addFinalizerExit(scope, () => Effect.sync(() => close(handle))), it)
      })
    })
  )
