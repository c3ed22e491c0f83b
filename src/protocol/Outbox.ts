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

/**
 * Plaintexts in the order in which they were offered. Small ones that follow each other become one Bundle.
 *
 * @since 0.1.0
 */
export class Outbox {
  readonly #waiting: Array<Parcel> = []
  #bytes = 0

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
    this.#offer(type, plaintext, type !== Envelope.types.Close, nowMillis)
  }

  /** Takes a Data plaintext, one of {@link Message.parts}; it must not be changed afterwards. */
  offerPart(part: Uint8Array, nowMillis: number): void {
    this.#offer(Envelope.types.Data, part, Message.isWhole(part), nowMillis)
  }

  /** Seals what waits into frames, at most `maxBytes` of them, though at least one frame if anything waits. */
  flush(session: Session, maxBytes: number): Array<Uint8Array> {
    const frames: Array<Uint8Array> = []
    let total = 0
    for (const parcel of this.#waiting) {
      total += frameBytes(parcel.length)
      if (total > maxBytes && frames.length > 0) break
      frames.push(session.seal(parcel.type, parcel.plaintext))
      this.#bytes -= parcel.length
    }
    this.#waiting.splice(0, frames.length)
    return frames
  }

  #offer(type: number, plaintext: Uint8Array, mayShare: boolean, nowMillis: number): void {
    const shares = mayShare && plaintext.length <= smallBytes
    const last = this.#waiting.at(-1)
    if (shares && last !== undefined) {
      const before = last.length
      if (last.add(type, plaintext)) {
        this.#bytes += last.length - before
        return
      }
    }
    this.#waiting.push(new Parcel(type, plaintext, shares, nowMillis))
    this.#bytes += plaintext.length
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

  /** Adds a small plaintext; false if this parcel cannot take it. */
  add(type: number, plaintext: Uint8Array): boolean {
    if (!this.#shares) return false
    const alone = this.type !== Envelope.types.Bundle
    const first = alone ? Message.itemHead(this.length) + this.length : this.length
    const length = first + Message.itemHead(plaintext.length) + plaintext.length
    if (length > Envelope.maxPlain) return false
    if (alone || length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(Envelope.maxPlain, Math.max(256, 2 * length)))
      if (alone) Message.writeItem(grown, 0, this.type, this.#bytes)
      else grown.set(this.plaintext)
      this.#bytes = grown
      this.type = Envelope.types.Bundle
    }
    this.length = Message.writeItem(this.#bytes, first, type, plaintext)
    return true
  }
}
