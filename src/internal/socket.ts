/**
 * A TCP socket as a `Connection`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Server, Socket } from "node:net"
import * as Endpoint from "../domain/Endpoint.js"
import { type Connection, type Receiver, TransportError } from "../services/Transport.js"
import { type BusyPoll, Conversation } from "./conversation.js"
import { reasonOf } from "./errno.js"
import { type Next, Receiving } from "./receiving.js"
import { Signal } from "./signal.js"

// The kernel may take everything as fast as a fiber writes it, and then nothing else in the process would run: after
// this many bytes the writer is told to wait for one turn of the event loop.
const turnBytes = 1_048_576

// What comes as fast as it is understood has the event loop for so long before others have their turn, or for a read.
const turnMillis = 5

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
 * Where what comes on a socket goes: the option `onread` of `node:net`. All sockets read into the same memory, for what
 * a read brings is understood before the next one. Memory of its own for each read would keep the collector busy with
 * a third of a node's time when much comes.
 *
 * @since 0.1.0
 */
export class Inlet {
  readonly buffer: Uint8Array = memory ??= Buffer.allocUnsafeSlow(readBytes)
  /** Takes what has come, good until it returns; false pauses the socket. There is one before anything comes. */
  taker: { readonly take: (bytes: Uint8Array) => boolean } | undefined
  readonly callback = (count: number): boolean => {
    // Frames of the same kind have the same length, and a view costs as much as opening a short one.
    if (view?.length !== count) view = new Uint8Array(this.buffer.buffer, 0, count)
    return this.taker?.take(view) ?? false
  }
}

/** As much as one read takes. */
const readBytes = 262_144

/** Taken by the first socket. */
let memory: Uint8Array | undefined

/** Of that memory: what the last read brought. */
let view: Uint8Array | undefined

/**
 * Options of a socket that reads into an inlet and may be written to when its peer writes no more: our answer and our
 * Close. What Node sets on its own copy of them stands in them, too. Set there for the first time, it makes V8 take the
 * copy for a dictionary and look for each of thirty other options in vain: most of what a socket costs.
 *
 * @since 0.1.0
 */
export const socketOptions = (inlet: Inlet) => ({
  emitClose: false,
  autoDestroy: true,
  decodeStrings: false,
  allowHalfOpen: true,
  onread: inlet
})

/** What a listening server of `node:net` holds for the system's socket; it tells of each connection by its own handle. */
interface ListeningHandle {
  onconnection: (failure: number, accepted: unknown) => void
}

/**
 * Gives a listening server's connections to `accept`, as sockets that read into inlets and have read nothing yet. Node
 * has no option for it: what it makes for a connection would have to be taken apart again, and costs more than the one
 * socket that is needed. Failures stay the server's.
 *
 * @since 0.1.0
 */
export const acceptFrom = (server: Server, accept: (socket: Socket, inlet: Inlet) => void): void => {
  const { _handle: handle } = server as unknown as { readonly _handle: Partial<ListeningHandle> | null }
  const standard = handle?.onconnection
  if (!handle || !standard) throw new Error("this version of Node keeps the handle of a server elsewhere")
  handle.onconnection = (failure, accepted) => {
    if (!accepted) return standard.call(handle, failure, accepted)
    const inlet = new Inlet()
    const socket = new Socket(Object.assign(socketOptions(inlet), { handle: accepted, pauseOnCreate: true }))
    socket.setNoDelay(true)
    accept(socket, inlet)
  }
}

/**
 * A connection over an established socket that was opened with {@link socketOptions} for that inlet. Whoever opened the
 * socket destroys it.
 *
 * @since 0.1.0
 */
export const connection = (socket: Socket, inlet: Inlet, ends: Ends, poll: BusyPoll): Connection =>
  new SocketConnection(socket, inlet, ends, poll)

/** One object for all that happens on a socket: a node may have thousands of them. */
class SocketConnection implements Connection {
  readonly local: Endpoint.Endpoint
  readonly remote: Endpoint.Endpoint
  readonly #socket: Socket
  readonly #receiving = new Receiving(() => this.#next(), true)
  readonly #writable = new Signal()
  readonly #conversation: Conversation
  /** What has come and is not handed on; nothing more is read meanwhile. */
  #chunk: Uint8Array | undefined
  #paused = true
  #failure: unknown
  #written = 0
  /** A writer was told to wait. */
  #waited = false
  /** When the first of the reads came that follow each other at once. */
  #since: number | undefined
  /** Something was written behind the end. */
  #late = false

  constructor(socket: Socket, inlet: Inlet, { local, remote }: Ends, poll: BusyPoll) {
    this.local = local
    this.remote = remote
    this.#socket = socket
    this.#conversation = new Conversation(poll)
    inlet.taker = this
    socket.on("end", () => this.#receiving.wake())
    socket.on("drain", () => this.#drain())
    socket.on("close", () => this.#wake())
    socket.on("error", (cause) => {
      this.#failure ??= cause
      this.#wake()
    })
  }

  receive<A>(receiver: Receiver<A>): Effect.Effect<Option.Option<A>, TransportError> {
    return this.#receiving.receive(receiver)
  }

  write(chunks: ReadonlyArray<Uint8Array>, left?: (chunks: ReadonlyArray<Uint8Array>) => void): boolean {
    const socket = this.#socket
    if (this.#gone) return false
    if (socket.writableEnded) {
      this.#late = true
      return false
    }
    this.#conversation.wrote()
    if (chunks.length > 1) socket.cork()
    let more = chunks.length
    for (const chunk of chunks) {
      this.#written += chunk.byteLength
      socket.write(chunk, --more === 0 && left !== undefined ? () => left(chunks) : undefined)
    }
    if (chunks.length > 1) socket.uncork()
    if (this.#written >= turnBytes) {
      this.#written = 0
      setImmediate(() => this.#drain())
    } else if (socket.writableLength < socket.writableHighWaterMark) return true
    this.#waited = true
    return false
  }

  // Made when they are asked for: most connections never are.
  get drained(): Effect.Effect<void, TransportError> {
    return this.#wait(() => {
      if (this.#gone) return this.#fail()
      if (this.#late) return Effect.fail(new TransportError({ reason: "BrokenPipe", endpoint: this.remote }))
      return this.#waited ? undefined : Effect.void
    })
  }

  get end(): Effect.Effect<void, TransportError> {
    const socket = this.#socket
    return Effect.suspend(() => {
      if (!this.#gone && !socket.writableEnded) {
        socket.end()
        // The system has it all, and the FIN leaves behind it: nothing to wait for, which would wake the fiber once more.
        if (socket.writableLength === 0) return Effect.void
        socket.once("finish", () => this.#writable.raise())
      }
      return this.#wait(() => {
        if (socket.writableFinished) return Effect.void
        return this.#gone ? this.#fail() : undefined
      })
    })
  }

  abort(): void {
    reset(this.#socket)
  }

  /** Waits until the writing side has come to something. */
  #wait(outcome: () => Effect.Effect<void, TransportError> | undefined): Effect.Effect<void, TransportError> {
    return Effect.suspend(() => outcome() ?? Effect.zipRight(this.#writable.next(), this.#wait(outcome)))
  }

  /** Hands on what the socket has read, or keeps it. */
  take(bytes: Uint8Array): boolean {
    this.#chunk = bytes
    // A read that takes all it can is followed by another at once, 32 times before the system turns to other sockets.
    this.#since = bytes.length < readBytes ? undefined : this.#since ?? performance.now()
    this.#conversation.heard()
    this.#receiving.wake()
    if (this.#chunk === undefined) {
      return this.#since === undefined || performance.now() - this.#since < turnMillis || this.#yield()
    }
    this.#chunk = new Uint8Array(bytes)
    this.#paused = true
    return false
  }

  /** There is more, and others have their turn first. */
  #yield(): false {
    this.#since = undefined
    setImmediate(() => {
      if (!this.#gone && !this.#paused) this.#socket.resume()
    })
    return false
  }

  // What had come before the connection broke is still handed out.
  #next(): Next {
    const socket = this.#socket
    const chunk = this.#chunk
    if (chunk !== undefined && !this.#aborted) {
      this.#chunk = undefined
      return chunk
    }
    if (socket.readableEnded) return Effect.succeed(Option.none())
    if (this.#gone) return this.#fail()
    if (this.#paused) {
      this.#paused = false
      socket.resume()
    }
    return undefined
  }

  /** We have dropped it ourselves. */
  get #aborted(): boolean {
    return this.#socket.destroyed && this.#failure === undefined && !this.#socket.readableEnded
  }

  get #gone(): boolean {
    return this.#failure !== undefined || this.#socket.destroyed
  }

  #fail(): Effect.Effect<never, TransportError> {
    const cause = this.#failure
    const endpoint = this.remote
    return Effect.fail(
      cause === undefined
        ? new TransportError({ reason: "ConnectionAborted", endpoint })
        : new TransportError({ reason: reasonOf(cause), endpoint, cause })
    )
  }

  #drain(): void {
    if (!this.#waited || this.#socket.writableLength >= this.#socket.writableHighWaterMark) return
    this.#waited = false
    this.#writable.raise()
    this.#receiving.drained()
  }

  #wake(): void {
    this.#receiving.wake()
    this.#writable.raise()
  }
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
