/**
 * What waits for one peer. What is small is sealed as late as it can be, so that all that waits goes out under few
 * tags; what is long is sealed at once, out of the caller's memory.
 *
 * @since 0.1.0
 */
import type { Limits } from "../domain/Limits.js"
import * as Envelope from "./Envelope.js"
import { Gathering } from "./Gathering.js"
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
  readonly #session: Session
  /** Frames that are sealed, and so must go out before any other. */
  #first: Sealed | undefined
  #last: Sealed | undefined
  /** Behind them, what can still be added to. */
  #gathering: Gathering | undefined
  #bytes = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Bytes of plaintext that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest of them came; nothing if none waits. */
  get oldestMillis(): number | undefined {
    return this.#first === undefined ? this.#gathering?.sinceMillis : this.#first.sinceMillis
  }

  /** Takes a Ping, a Pong or a Close. */
  offerControl(type: number, plaintext: Uint8Array, nowMillis: number): void {
    if (type === Envelope.types.Close) this.#seal(type, nothing, plaintext, nowMillis)
    else if (!this.#joins(type, nothing, plaintext)) this.#gather(type, nothing, plaintext, nowMillis)
  }

  /**
   * Takes a message of any length, all its parts. The payload is the caller's again. The clock is read only if the
   * message does not join another one. A topic that is none is a RangeError.
   */
  offerData(topic: string, payload: Uint8Array, nowMillis: () => number): void {
    const head = headOf(topic)
    if (head.length + payload.length > smallBytes) {
      const now = nowMillis()
      let at = 0
      do at = this.offerPart(topic, payload, at, now)
      while (at < payload.length)
    } else this.#put(head, payload, nowMillis)
  }

  /**
   * Takes messages of one topic from an index on, for as long as they are short and writers need not wait. Returns the
   * index of the first one that was not taken.
   */
  offerShort(
    topic: string,
    payloads: ReadonlyArray<Uint8Array>,
    from: number,
    { messageBytes, sendQueueSoftBytes }: Pick<Limits, "messageBytes" | "sendQueueSoftBytes">,
    nowMillis: () => number
  ): number {
    const head = headOf(topic)
    const most = Math.min(messageBytes, smallBytes - head.length)
    let at = from
    for (; at < payloads.length && this.#bytes < sendQueueSoftBytes; at++) {
      const payload = payloads[at] ?? nothing
      if (payload.length > most) break
      this.#put(head, payload, nowMillis, payloads.length - at)
    }
    return at
  }

  /**
   * Takes the part of a message that begins at an offset of its payload, 0 or what the call before returned. Returns
   * the offset behind it; the message is complete when that is the payload's length. The parts of a message must
   * follow each other, and its payload must stay as it is meanwhile.
   */
  offerPart(topic: string, payload: Uint8Array, from: number, nowMillis: number): number {
    const head = from === 0 ? headOf(topic) : last
    const end = Math.min(payload.length, from + Envelope.maxPlain - head.length)
    const part = from === 0 && end === payload.length ? payload : payload.subarray(from, end)
    if (part === payload && head.length + end <= smallBytes) this.#put(head, part, () => nowMillis)
    else {
      this.#seal(
        Envelope.types.Data,
        end === payload.length ? head : Message.withMore(head),
        part,
        nowMillis
      )
    }
    return end
  }

  /** Forgets what is not sealed yet; what is sealed must go out, or nothing behind it would open. */
  abandon(): void {
    if (this.#gathering !== undefined) this.#bytes -= this.#gathering.length
    this.#gathering = undefined
  }

  /**
   * Frames of what waits, at most `maxBytes` of them, though at least one frame if anything waits. Returns the bytes to
   * write, in pieces that are cut anywhere.
   */
  flush(maxBytes: number): ReadonlyArray<Uint8Array> {
    if (this.#first === undefined) return this.#sealed()
    const pieces: Array<Uint8Array> = []
    let total = 0
    for (let next: Sealed | undefined = this.#first; next !== undefined; next = next.next) {
      total += frameBytes(next.length)
      if (total > maxBytes && pieces.length > 0) return pieces
      pieces.push(...next.pieces)
      this.#bytes -= next.length
      this.#first = next.next
    }
    this.#last = undefined
    const { length } = this.#gathering ?? nothing
    if (total + frameBytes(length) <= maxBytes) pieces.push(...this.#sealed())
    return pieces
  }

  /** What is gathered, as a frame; nothing if that is nothing. */
  #sealed(): ReadonlyArray<Uint8Array> {
    const gathering = this.#gathering
    if (gathering === undefined) return none
    const pieces = this.#session.sealInPieces(gathering.type, nothing, gathering.plaintext)
    this.#bytes -= gathering.length
    this.#gathering = undefined
    gathering.leave()
    return pieces
  }

  #seal(type: number, head: Uint8Array, rest: Uint8Array, nowMillis: number): void {
    this.#sealGathered()
    this.#push(
      this.#session.sealInPieces(type, head, rest),
      head.length + rest.length,
      nowMillis
    )
    this.#bytes += head.length + rest.length
  }

  /** What waits before is sealed before. */
  #sealGathered(): void {
    const gathering = this.#gathering
    if (gathering === undefined) return
    this.#gathering = undefined
    this.#push(
      this.#session.sealInPieces(gathering.type, nothing, gathering.plaintext),
      gathering.length,
      gathering.sinceMillis
    )
    gathering.leave()
  }

  #push(pieces: ReadonlyArray<Uint8Array>, length: number, sinceMillis: number): void {
    const sealed = new Sealed(pieces, length, sinceMillis)
    if (this.#first === undefined || this.#last === undefined) this.#first = sealed
    else this.#last.next = sealed
    this.#last = sealed
  }

  /** Takes a short message, the first of so many of about its length. */
  #put(head: Uint8Array, payload: Uint8Array, nowMillis: () => number, count = 1): void {
    if (this.#joins(Envelope.types.Data, head, payload)) return
    this.#gather(Envelope.types.Data, head, payload, nowMillis(), count)
  }

  /** Puts a small plaintext of two pieces to those that are gathered; false if there is none or no room. */
  #joins(type: number, head: Uint8Array, rest: Uint8Array): boolean {
    const gathering = this.#gathering
    if (gathering === undefined) return false
    const before = gathering.length
    if (!gathering.add(type, head, rest)) return false
    this.#bytes += gathering.length - before
    return true
  }

  #gather(type: number, head: Uint8Array, rest: Uint8Array, nowMillis: number, count = 1): void {
    this.#sealGathered()
    const gathering = new Gathering(nowMillis, head.length + rest.length, count)
    gathering.add(type, head, rest)
    this.#gathering = gathering
    this.#bytes += gathering.length
  }
}

const nothing: Uint8Array = new Uint8Array(0)

const none: ReadonlyArray<Uint8Array> = []

/** What stands before the payload of the last part of a message of several. */
const last = Uint8Array.of(2)

/** What stands before the payloads of the topic of the last message, whoever it went to. */
let recent = { topic: "", head: Message.head("") }

const headOf = (topic: string): Uint8Array => {
  if (topic !== recent.topic) recent = { topic, head: Message.head(topic) }
  return recent.head
}

const frameBytes = (plain: number): number => {
  const body = Envelope.sealedBytes + Varint.size(plain) + plain
  return Varint.size(body) + body
}

/** A frame that waits. */
class Sealed {
  next: Sealed | undefined = undefined
  readonly pieces: ReadonlyArray<Uint8Array>
  /** Bytes of its plaintext. */
  readonly length: number
  readonly sinceMillis: number

  constructor(pieces: ReadonlyArray<Uint8Array>, length: number, sinceMillis: number) {
    this.pieces = pieces
    this.length = length
    this.sinceMillis = sinceMillis
  }
}
