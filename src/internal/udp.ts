/**
 * A UDP socket of discovery: shared with all nodes of the host, and quick to be replaced when it breaks.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createSocket } from "node:dgram"
import type { Hear } from "./beacons.js"
import type { Cause, Datagrams } from "./datagrams.js"

/** Opens a socket on all IPv4 interfaces. Multicasts go no farther than the local network. */
export const open = (port: number, hear: Hear): Effect.Effect<Datagrams, Cause, Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      // Not `reusePort`, with which the system hands each datagram to one of the sockets alone.
      Effect.sync(() => createSocket({ type: "udp4", reuseAddr: true })),
      (handle) => Effect.sync(() => handle.close())
    )
    let failure: Cause
    yield* asked((done) => {
      // It stays: an error that comes later must find a listener.
      socket.on("error", (cause) => {
        failure = cause
        done(cause)
      })
      socket.bind(port, () => done(null))
    })
    yield* attempt(() => {
      socket.setBroadcast(true)
      socket.setMulticastTTL(1)
      socket.setMulticastLoopback(true)
    })
    socket.on("message", (datagram, { address }) => hear(datagram, address))
    return {
      send: (datagram, to, host) => asked((done) => socket.send(datagram, to, host, done)),
      join: (group, address) =>
        Effect.zipRight(
          // A member already. Asked every time, for the system forgets it with the interface.
          Effect.catchIf(attempt(() => socket.addMembership(group, address)), isMember, () => Effect.void),
          attempt(() => socket.setMulticastInterface(address))
        ),
      broken: () => failure
    }
  })

const attempt = (call: () => void): Effect.Effect<void, Cause> =>
  Effect.try({ try: call, catch: (cause) => cause })

/** What tells by a callback whether it has come off, and throws what it does not even ask the system for. */
const asked = (call: (done: (cause: Cause) => void) => void): Effect.Effect<void, Cause> =>
  Effect.async((resume) => {
    const done = (cause: Cause) => resume(cause === null ? Effect.void : Effect.fail(cause))
    try {
      call(done)
    } catch (cause) {
      done(cause)
    }
  })

const isMember = (cause: Cause): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE"
