/** Messages with a length in front, over a stream of bytes: the least that a protocol can do. */
import { once } from "node:events"
import type { Duplex } from "node:stream"
import { type Client, type Contender, kinds, message, readCount, Tally } from "./Contender.js"

/** How small messages are written: gathered into pieces of 64 KiB, or each by itself. */
export type Writing = "batched" | "each"

/** Where the sockets come from. */
export interface Sockets {
  /** Calls back with each socket that is ready, and returns the port. */
  readonly listen: (ready: (socket: Duplex) => void) => Promise<number>
  /** A socket that is connecting. */
  readonly connect: (port: number) => Duplex
}

/** The contender over such sockets. */
export const make = ({ connect, listen }: Sockets, writing: Writing): Contender => ({
  serve: () =>
    listen((socket) => {
      const tally = new Tally()
      const writer = new Writer(socket, writing)
      const reader = new Reader(tally, (bytes) => {
        const answer = tally.take(bytes)
        if (answer !== undefined) writer.sendNow(answer)
      })
      // A client that leaves may do so with a reset.
      socket.on("error", () => socket.destroy())
      socket.on("data", (chunk: Buffer) => reader.push(chunk))
      writer.sendNow(message("greeting", 8))
    }),
  dialler: () =>
    Promise.resolve(async (port) => {
      const socket = connect(port)
      await once(socket, "data")
      return async () => {
        const closed = once(socket, "close")
        socket.destroy()
        await closed
      }
    }),
  connect: async (port) => {
    const socket = connect(port)
    await once(socket, "data")
    return client(socket, writing)
  }
})

const client = (socket: Duplex, writing: Writing): Client => {
  const writer = new Writer(socket, writing)
  let answered: (bytes: Uint8Array) => void = () => {}
  const reader = new Reader(new Tally(), (bytes) => answered(bytes))
  socket.on("data", (chunk: Buffer) => reader.push(chunk))
  return asking({
    send: (bytes) => writer.send(bytes),
    sendNow: (bytes) => writer.sendNow(bytes),
    drained: () => once(socket, "drain"),
    onAnswer: (listener) => (answered = listener)
  })
}

/** One end of a session, as its client sees it. */
export interface End {
  /** False: wait for `drained` before the next one. */
  readonly send: (bytes: Uint8Array) => boolean
  readonly sendNow: (bytes: Uint8Array) => void
  readonly drained: () => Promise<unknown>
  /** Says who takes the messages from now on. */
  readonly onAnswer: (listener: (bytes: Uint8Array) => void) => void
}

/** What a client does with its end. */
export const asking = ({ drained, onAnswer, send, sendNow }: End): Client => ({
  flood: async (bytes, count) => {
    const answer = new Promise<Uint8Array>((resolve) => onAnswer(resolve))
    for (let sent = 0; sent < count; sent++) {
      if (!send(bytes)) await drained()
    }
    sendNow(message("asked", 1))
    return readCount(await answer)
  },
  roundTrips: (bytes, count) =>
    new Promise((resolve) => {
      const times: Array<number> = []
      let began = performance.now()
      onAnswer(() => {
        const now = performance.now()
        times.push(1_000 * (now - began))
        began = now
        if (times.length === count) resolve(times)
        else sendNow(bytes)
      })
      sendNow(bytes)
    })
})

const pieceBytes = 65_536
const headBytes = 4

class Writer {
  readonly #socket: Duplex
  readonly #writing: Writing
  // An idle one has none.
  #piece: Buffer | undefined
  #filled = 0

  constructor(socket: Duplex, writing: Writing) {
    this.#socket = socket
    this.#writing = writing
  }

  /** False: wait for `drain` before the next one. */
  send(bytes: Uint8Array): boolean {
    if (this.#writing === "each" || headBytes + bytes.length > pieceBytes / 4) return this.#sendAlone(bytes)
    const full = this.#filled + headBytes + bytes.length > pieceBytes
    const goOn = full ? this.flush() : true
    this.#piece ??= Buffer.allocUnsafe(pieceBytes)
    this.#piece.writeUInt32LE(bytes.length, this.#filled)
    this.#piece.set(bytes, this.#filled + headBytes)
    this.#filled += headBytes + bytes.length
    return goOn
  }

  sendNow(bytes: Uint8Array): void {
    this.send(bytes)
    this.flush()
  }

  flush(): boolean {
    if (this.#piece === undefined) return true
    const piece = this.#piece.subarray(0, this.#filled)
    this.#piece = undefined
    this.#filled = 0
    return this.#socket.write(piece)
  }

  #sendAlone(bytes: Uint8Array): boolean {
    this.flush()
    const head = Buffer.allocUnsafe(headBytes)
    head.writeUInt32LE(bytes.length)
    this.#socket.cork()
    this.#socket.write(head)
    const goOn = this.#socket.write(bytes)
    this.#socket.uncork()
    return goOn
  }
}

/** Counts what needs no answer where it lies, and hands over the rest. */
class Reader {
  readonly #tally: Tally
  readonly #handle: (bytes: Uint8Array) => void
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes that are still to come of a message that was counted. */
  #skipped = 0

  constructor(tally: Tally, handle: (bytes: Uint8Array) => void) {
    this.#tally = tally
    this.#handle = handle
  }

  push(chunk: Buffer): void {
    let at = Math.min(this.#skipped, chunk.length)
    this.#skipped -= at
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (at + headBytes < bytes.length) {
      const length = bytes.readUInt32LE(at)
      const start = at + headBytes
      if (bytes[start] === kinds.counted) {
        this.#tally.add(length)
        at = Math.min(start + length, bytes.length)
        this.#skipped = start + length - at
      } else if (start + length <= bytes.length) {
        this.#handle(bytes.subarray(start, start + length))
        at = start + length
      } else break
    }
    this.#rest = bytes.subarray(at)
  }
}
