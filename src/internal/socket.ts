/**
 * A TCP socket as a `Connection`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Socket } from "node:net"
import * as Endpoint from "../domain/Endpoint.js"
import { type Connection, TransportError } from "../services/Transport.js"
import { reasonOf } from "./errno.js"
import { Signal } from "./signal.js"

// The kernel may take everything as fast as a fiber writes it, and then nothing else in the process would run: after
// this many bytes the writer lets one turn of the event loop pass.
const turnBytes = 1_048_576

/** The two addresses of an established socket. @since 0.1.0 */
export type Ends = Pick<Connection, "local" | "remote">

/**
 * The addresses of an established socket; nothing if the other end has dropped it already.
 *
 * @since 0.1.0
 */
export const endsOf = (socket: Socket): Ends | undefined => {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  return localAddress === undefined || localPort === undefined || remoteAddress === undefined ||
      remotePort === undefined
    ? undefined
    : { local: Endpoint.make(localAddress, localPort), remote: Endpoint.make(remoteAddress, remotePort) }
}

/**
 * A connection over an established socket that was opened with `allowHalfOpen`. Whoever opened the socket destroys
 * it.
 *
 * @since 0.1.0
 */
export const connection = (socket: Socket, { local, remote }: Ends): Connection => {
  // One fiber reads. A latch in this place would double what a small round trip costs.
  let reader: ((read: Connection["read"]) => void) | undefined
  let changed = false
  const writable = new Signal()
  let failure: unknown
  let written = 0

  const wakeReader = () => {
    const resume = reader
    reader = undefined
    changed = true
    resume?.(read)
  }
  const wake = () => {
    wakeReader()
    writable.raise()
  }
  socket.on("readable", wakeReader)
  socket.on("end", wakeReader)
  socket.on("drain", () => writable.raise())
  socket.on("finish", () => writable.raise())
  socket.on("close", wake)
  socket.on("error", (cause) => {
    failure ??= cause
    wake()
  })

  const gone = () => failure !== undefined || socket.destroyed
  const fail = Effect.suspend(() =>
    Effect.fail(
      failure === undefined
        ? new TransportError({ reason: "ConnectionAborted", endpoint: remote })
        : new TransportError({ reason: reasonOf(failure), endpoint: remote, cause: failure })
    )
  )

  // What had come before the connection broke is still handed out.
  const read: Connection["read"] = Effect.suspend(() => {
    const aborted = socket.destroyed && failure === undefined && !socket.readableEnded
    const chunk: Buffer | null = aborted ? null : socket.read()
    if (chunk !== null) {
      return Effect.succeedSome(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    }
    if (socket.readableEnded) return Effect.succeed(Option.none())
    changed = false
    return gone() ? fail : waiting
  })
  const waiting: Connection["read"] = Effect.async((resume) => {
    if (changed) resume(read)
    else reader = resume
  })

  const settle = (): Effect.Effect<void, TransportError> => {
    if (gone()) return fail
    return socket.writableLength < socket.writableHighWaterMark
      ? Effect.void
      : Effect.zipRight(writable.next(), drained)
  }
  const drained = Effect.suspend(settle)
  const write: Connection["write"] = (chunks) =>
    Effect.suspend(() => {
      if (gone()) return fail
      if (socket.writableEnded) {
        return Effect.fail(new TransportError({ reason: "BrokenPipe", endpoint: remote }))
      }
      if (chunks.length > 1) socket.cork()
      for (const chunk of chunks) {
        socket.write(chunk)
        written += chunk.byteLength
      }
      socket.uncork()
      if (written < turnBytes) return settle()
      written = 0
      return Effect.zipRight(turn, drained)
    })

  const finished: Effect.Effect<void, TransportError> = Effect.suspend(() => {
    if (socket.writableFinished) return Effect.void
    return gone() ? fail : Effect.zipRight(writable.next(), finished)
  })
  const end = Effect.suspend(() => {
    if (!gone()) socket.end()
    return finished
  })

  const abort = Effect.sync(() => reset(socket))

  return { local, remote, read, write, end, abort }
}

/**
 * Drops a socket with a reset.
 *
 * @since 0.1.0
 */
export const reset = (socket: Socket): void => {
  if (socket.destroyed) return
  // libuv refuses to reset while it says FIN, and Node then loses the descriptor. All bytes have left by then.
  if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0) socket.destroy()
  else socket.resetAndDestroy()
}

const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})
