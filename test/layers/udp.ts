/** UDP on loopback, for tests of discovery: nothing leaves this host. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createSocket, type Socket } from "node:dgram"
import { networkInterfaces } from "node:os"
import type { Selection } from "../../src/domain/Interfaces.js"

/** The loopback interface and no other; should none be found, a name that selects nothing. */
export const lo: Selection = {
  include: [
    Object.entries(networkInterfaces()).find(([, addresses]) =>
      addresses?.some(({ address }) => address === "127.0.0.1")
    )?.[0] ?? "no loopback"
  ],
  exclude: []
}

/** A bound socket; without `reuseAddr` it has its port for itself. Fails if the port is taken. */
export const bind = (port: number, reuseAddr: boolean): Effect.Effect<Socket, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Socket, Error>((resume) => {
      const socket = createSocket({ type: "udp4", reuseAddr })
      socket.once("error", (cause) => {
        socket.close()
        resume(Effect.fail(cause))
      })
      socket.bind(port, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.close())
  )

/** A port that is free now, and the one after it, too: below the range from which the system takes ports. */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const port = 20_000 + 2 * Math.floor(Math.random() * 5_000)
  return Effect.as(Effect.scoped(Effect.zipRight(bind(port, false), bind(port + 1, false))), port)
}).pipe(Effect.retry({ times: 20 }), Effect.orDie)

/** Sends a datagram to a port of this host and waits until it has left. */
export const send = (socket: Socket, datagram: Uint8Array, port: number): Effect.Effect<void> =>
  Effect.async((resume) => socket.send(datagram, port, "127.0.0.1", () => resume(Effect.void)))
