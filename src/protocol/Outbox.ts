/**
 * What waits for one peer. It is sealed as late as it can be, so that all that waits goes out under few tags.
 *
 * @since 0.1.0
 */
import * as Envelope from "./Envelope.js"
import * as Message from "./Message.js"
import type { Session } from "./Session.js"
import * as Varint from "./Varint.js"

/** Bytes up to which a plaintext is copied into a Bundle: beyond, the copy costs more than a tag of its own. */
const smallBytes = 16_384

const nothing: Uint8Array = new Uint8Array(0)

/**
 * Plaintexts in the order in which they were offered. Small ones that follow each other become one Bundle.
 *
 * @since 0.1.0
 */
export class Outbox {
  readonly #waiting: Array<Parcel> = []
  #bytes = 0
  /** The last topic of a message in one piece, and what stands before the payloads under it. */
  #topic: string | undefined
  #head = nothing

  /** Bytes of plaintext that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest of them came; nothing if none waits. */
  get oldestMillis(): number | undefined {
    return this.#waiting[0]?.sinceMillis
  }

  /** Takes a Ping, a Pong or a Close; the plaintext must not be changed afterwards. */
  offerControl(type: number, plaintext: Uint8Array, nowMillis: number): void {
    const shares = type !== Envelope.types.Close && plaintext.length <= smallBytes
    if (!shares || !this.#join(type, nothing, plaintext)) {
      this.#add(new Parcel(type, plaintext, shares, nowMillis))
    }
  }

  /**
   * Takes a message in one piece and copies it; its Data plaintext must be within the longest one. The clock is read
   * only if the message does not join another one. A topic that is none is a RangeError.
   */
  offerData(topic: string, payload: Uint8Array, nowMillis: () => number): void {
    if (topic !== this.#topic) {
      this.#head = Message.head(topic)
      this.#topic = topic
    }
    const head = this.#head
    const length = head.length + payload.length
    const shares = length <= smallBytes
    if (shares && this.#join(Envelope.types.Data, head, payload)) return
    const plaintext = Buffer.allocUnsafe(length)
    plaintext.set(head)
    plaintext.set(payload, head.length)
    this.#add(new Parcel(Envelope.types.Data, plaintext, shares, nowMillis()))
  }

  /** Takes a Data plaintext, one of {@link Message.parts}; it must not be changed afterwards. */
  offerPart(part: Uint8Array, nowMillis: number): void {
    const shares = Message.isWhole(part) && part.length <= smallBytes
    if (shares && this.#join(Envelope.types.Data, nothing, part)) return
    this.#add(new Parcel(Envelope.types.Data, part, shares, nowMillis))
  }

  /**
   * Seals what waits into frames, at most `maxBytes` of them, though at least one frame if anything waits. Returns the
   * bytes to write, in pieces that are cut anywhere.
   */
  flush(session: Session, maxBytes: number): Array<Uint8Array> {
    const pieces: Array<Uint8Array> = []
    let total = 0
    let sealed = 0
    for (const parcel of this.#waiting) {
      total += frameBytes(parcel.length)
      if (total > maxBytes && sealed > 0) break
      pieces.push(...session.sealInPieces(parcel.type, parcel.plaintext))
      this.#bytes -= parcel.length
      sealed++
    }
    this.#waiting.splice(0, sealed)
    return pieces
  }

  /** Puts a small plaintext of two pieces to what came last; false if that cannot take it. */
  #join(type: number, head: Uint8Array, rest: Uint8Array): boolean {
    const last = this.#waiting[this.#waiting.length - 1]
    if (last === undefined) return false
    const before = last.length
    if (!last.add(type, head, rest)) return false
    this.#bytes += last.length - before
    return true
  }

  #add(parcel: Parcel): void {
    this.#waiting.push(parcel)
    this.#bytes += parcel.length
  }
}

const frameBytes = (plain: number): number => {
  const body = Envelope.sealedBytes + Varint.size(plain) + plain
  return Varint.size(body) + body
}

/** What goes under one tag: a plaintext as it is or, from the second one on, a Bundle in a buffer that grows. */
class Parcel {
  type: number
  length: number
  readonly sinceMillis: number
  readonly #shares: boolean
  #bytes: Uint8Array

  constructor(type: number, plaintext: Uint8Array, shares: boolean, sinceMillis: number) {
    this.type = type
    this.length = plaintext.length
    this.sinceMillis = sinceMillis
    this.#shares = shares
    this.#bytes = plaintext
  }

  get plaintext(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Adds a small plaintext of two pieces; false if this parcel cannot take it. */
  add(type: number, head: Uint8Array, rest: Uint8Array): boolean {
    if (!this.#shares) return false
    const alone = this.type !== Envelope.types.Bundle
    const first = alone ? Message.itemHead(this.length) + this.length : this.length
    const size = head.length + rest.length
    const length = first + Message.itemHead(size) + size
    if (length > Envelope.maxPlain) return false
    if (alone || length > this.#bytes.length) this.#grow(length)
    const start = Message.writeItemHead(this.#bytes, first, type, size)
    // Heads are short, and then a loop is quicker than a call.
    for (let at = 0; at < head.length; at++) this.#bytes[start + at] = head[at] ?? 0
    this.#bytes.set(rest, start + head.length)
    this.length = length
    return true
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.min(Envelope.maxPlain, Math.max(256, 4 * length)))
    if (this.type === Envelope.types.Bundle) grown.set(this.plaintext)
    else Message.writeItem(grown, 0, this.type, this.#bytes)
    this.#bytes = grown
    this.type = Envelope.types.Bundle
  }
}
