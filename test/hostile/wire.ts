/** The bare ends of TCP connections on loopback, for whoever does not keep to any protocol. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { concat } from "../protocol/bytes.js"

/** One end of a connection: says what it is told to and gathers what it hears. */
export class Wire {
  readonly socket: Net.Socket
  /** Where this end stands: what the node calls it. */
  readonly local: Endpoint.Endpoint
  readonly #chunks: Array<Uint8Array> = []
  readonly #changed = Effect.unsafeMakeLatch()
  #over = false

  /** A `deaf` one reads nothing until its socket is resumed. */
  constructor(socket: Net.Socket, deaf = false) {
    this.socket = socket
    this.local = Endpoint.make(socket.localAddress ?? "", socket.localPort ?? 0)
    socket.setNoDelay(true)
    if (deaf) socket.pause()
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(new Uint8Array(chunk))
      this.#changed.unsafeOpen()
    })
    const over = () => {
      this.#over = true
      this.#changed.unsafeOpen()
    }
    socket.on("end", over)
    socket.on("error", over)
    socket.on("close", over)
  }

  /** Whether the other end has said FIN or RST. */
  get over(): boolean {
    return this.#over
  }

  /** Says bytes; does not wait for them to leave. */
  send(bytes: Uint8Array): Effect.Effect<void> {
    return Effect.sync(() => void this.socket.write(bytes))
  }

  /** What has come, once something has; nothing once the other end is gone. */
  readonly read: Effect.Effect<Uint8Array | undefined> = Effect.suspend(() => {
    const [first] = this.#chunks
    if (first !== undefined) return Effect.succeed(concat(...this.#chunks.splice(0)))
    if (this.#over) return Effect.succeed(undefined)
    this.#changed.unsafeClose()
    return Effect.zipRight(this.#changed.await, this.read)
  })

  /** Everything that still comes until the other end is gone. */
  readonly rest: Effect.Effect<Uint8Array> = Effect.gen(this, function*() {
    const chunks: Array<Uint8Array> = []
    for (let chunk = yield* this.read; chunk !== undefined; chunk = yield* this.read) chunks.push(chunk)
    return concat(...chunks)
  })

  /** Writes no more; what was written goes out first. */
  readonly finish: Effect.Effect<void> = Effect.sync(() => void this.socket.end())

  readonly reset: Effect.Effect<void> = Effect.sync(() => void this.socket.resetAndDestroy())
}

/** Dials an address; the connection lives in the scope. */
export const dial = (
  { host, port }: Endpoint.Endpoint,
  deaf = false
): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Wire>((resume) => {
      const socket = Net.connect({ host, port, allowHalfOpen: true })
      socket.once("connect", () => resume(Effect.succeed(new Wire(socket, deaf))))
      socket.once("error", (cause) => resume(Effect.die(cause)))
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** Listens on a free port of loopback; every newcomer is handed over, and dropped when the scope closes. */
export const listen = (
  receive: (socket: Net.Socket) => void
): Effect.Effect<Endpoint.Endpoint, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Net.createServer({ allowHalfOpen: true }, (socket) => {
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
          receive(socket)
        })
      ),
      (server) =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    yield* Effect.async<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    })
    const address = server.address()
    if (typeof address !== "object" || address === null) return yield* Effect.dieMessage("expected a port")
    return Endpoint.make(address.address, address.port)
  })
