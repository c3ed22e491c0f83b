/**
 * Connections in memory: two pipes, one for each direction, and the two sides that hold their ends.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Reason } from "../domain/Reason.js"
import { type Connection, TransportError } from "../services/Transport.js"
import { Receiving } from "./receiving.js"
import { Signal } from "./signal.js"

/**
 * How one side reads and writes.
 *
 * @since 0.1.0
 */
export interface SideOptions {
  /** Bytes that may be under way before the writer waits. */
  readonly capacity: number
  /** How many of the bytes that wait the next read takes. */
  readonly chunk: (waiting: number) => number
}

/**
 * One direction: bytes in order, and how it ended.
 *
 * @since 0.1.0
 */
export class Pipe {
  /** Told when something has come, or the end. */
  readable: () => void = () => {}
  /** Told when there is space again, or the end. */
  writable: () => void = () => {}
  bytes = 0
  /** The writer writes no more. */
  ended = false
  /** Why nothing passes any more, though what waits can still be read. */
  broken: Reason | undefined
  #chunks: Array<Uint8Array> = []

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return
    this.#chunks.push(new Uint8Array(chunk))
    this.bytes += chunk.byteLength
  }

  /** Takes the first `count` bytes; no fewer may wait. */
  take(count: number): Uint8Array {
    const taken = new Uint8Array(count)
    let at = 0
    let used = 0
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(0, count - at)
      taken.set(part, at)
      at += part.byteLength
      if (part.byteLength < chunk.byteLength) {
        this.#chunks[used] = chunk.subarray(part.byteLength)
        break
      }
      used++
    }
    this.#chunks.splice(0, used)
    this.bytes -= count
    return taken
  }

  /** Loses all but the first `count` bytes. */
  keep(count: number): void {
    if (this.bytes <= count) return
    const kept = this.take(count)
    this.#chunks = []
    this.bytes = 0
    this.push(kept)
  }

  wake(): void {
    this.readable()
    this.writable()
  }
}

/**
 * A connection and the way to close it. Closing says FIN, or resets if something was left unread or `abort` is set;
 * what is beyond the capacity has not left by then and is lost.
 *
 * @since 0.1.0
 */
export interface Side {
  readonly connection: Connection
  readonly close: (abort?: boolean) => void
}

/**
 * The side that reads from `inbound` and writes to `outbound`.
 *
 * @since 0.1.0
 */
export const side = (
  ends: Pick<Connection, "local" | "remote">,
  inbound: Pipe,
  outbound: Pipe,
  { capacity, chunk }: SideOptions
): Side => {
  let closed = false
  /** The writer was told to wait. */
  let waited = false
  /** Something was written behind the end. */
  let late = false
  const space = new Signal()
  const fail = (reason: Reason) => Effect.fail(new TransportError({ reason, endpoint: ends.remote }))

  const receiving = new Receiving(() => {
    if (closed) return fail("ConnectionAborted")
    if (inbound.bytes > 0) {
      const taken = inbound.take(Math.min(Math.max(chunk(inbound.bytes), 1), inbound.bytes))
      inbound.writable()
      return taken
    }
    if (inbound.ended) return Effect.succeed(Option.none())
    return inbound.broken === undefined ? undefined : fail(inbound.broken)
  })
  inbound.readable = () => receiving.wake()
  outbound.writable = () => {
    space.raise()
    if (!waited || outbound.bytes >= capacity) return
    waited = false
    receiving.drained()
  }

  const below: Effect.Effect<void, TransportError> = Effect.suspend(() => {
    if (closed) return fail("ConnectionAborted")
    if (outbound.broken !== undefined) return fail(outbound.broken)
    return outbound.bytes < capacity ? Effect.void : Effect.zipRight(space.next(), below)
  })
  const drained = Effect.suspend(() => late ? fail("BrokenPipe") : below)

  const write: Connection["write"] = (chunks, left) => {
    if (closed || outbound.broken !== undefined) return false
    if (outbound.ended) {
      late = true
      return false
    }
    for (const bytes of chunks) outbound.push(bytes)
    left?.(chunks)
    outbound.readable()
    waited = outbound.bytes >= capacity
    return !waited
  }

  const end = Effect.suspend(() => {
    if (!closed && outbound.broken === undefined) {
      outbound.ended = true
      outbound.readable()
    }
    return below
  })

  const close = (abort = false) => {
    if (closed) return
    closed = true
    const reset = abort || inbound.bytes > 0
    inbound.keep(0)
    inbound.broken = reset ? "ConnectionReset" : "BrokenPipe"
    outbound.keep(capacity)
    if (reset) outbound.broken = "ConnectionReset"
    else outbound.ended = true
    inbound.wake()
    outbound.wake()
  }

  const receive: Connection["receive"] = (receiver) => receiving.receive(receiver)
  return { connection: { ...ends, receive, write, drained, end, abort: () => close(true) }, close }
}
