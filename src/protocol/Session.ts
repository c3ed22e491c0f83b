/**
 * An authenticated session: chunks of bytes become events, plaintexts become sealed frames. Nothing can be chosen
 * in a frame but its type and content: counters, nonces and keys are the ones due, or the session is over.
 *
 * @since 0.1.0
 */
import type { KeyObject } from "node:crypto"
import type { Limits } from "../domain/Limits.js"
import { type CloseReason, fromCode, type Reason } from "../domain/Reason.js"
import * as Aead from "./Aead.js"
import { hex } from "./Crypto.js"
import * as Envelope from "./Envelope.js"
import { FrameReader } from "./Frame.js"
import * as Message from "./Message.js"
import { Rate } from "./Rate.js"
import * as Varint from "./Varint.js"

/** What a peer said. @since 0.1.0 */
export type SessionEvent =
  | Message.Ping
  | Message.Pong
  | { readonly _tag: "Close"; readonly reason: CloseReason; readonly detail: string }
  | Message.Data
  | { readonly _tag: "Ignored"; readonly type: number }

/** Why a session is over. @since 0.1.0 */
export interface Failure {
  readonly reason: Reason
  /** Whether the peer is told with a Close; otherwise the connection is destroyed without a word. */
  readonly answer: boolean
}

/** What came of a chunk. @since 0.1.0 */
export interface Received {
  /** In order; what came before a failure is in it. */
  readonly events: ReadonlyArray<SessionEvent>
  /** How many frames opened: any is a sign of life. */
  readonly opened: number
  readonly failure?: Failure
}

/** What a handshake leaves to its session. @since 0.1.0 */
export interface SessionOptions {
  /** The handshake's hash, 32 bytes. */
  readonly id: Uint8Array
  /** Who dialled decides how many envelopes each direction has seen. */
  readonly role: "initiator" | "responder"
  /** 32 bytes. */
  readonly sendKey: Uint8Array
  /** 32 bytes. */
  readonly receiveKey: Uint8Array
  /** Bytes that came behind the handshake. */
  readonly rest: Uint8Array
  readonly limits: Pick<Limits, "messageBytes" | "pingsPerSecond" | "ignoredPerSecond">
}

/** Both directions of a connection after its handshake, frame by frame. @since 0.1.0 */
export class Session {
  /** The handshake's hash, the same at both ends and nowhere else. */
  readonly id: Uint8Array
  /** The same in hexadecimal: it is shown time and again. */
  readonly idText: string
  readonly #limits: SessionOptions["limits"]
  readonly #reader = new FrameReader()
  readonly #sending: Direction
  readonly #receiving: Direction
  readonly #pings: Rate
  readonly #ignored: Rate
  #partial: Unfinished | undefined
  #failure: Failure | undefined
  #closed = false

  constructor({ id, limits, receiveKey, rest, role, sendKey }: SessionOptions) {
    this.id = id
    this.idText = hex(id)
    this.#limits = limits
    this.#sending = new Direction(sendKey, firstId[role])
    this.#receiving = new Direction(receiveKey, firstId[role === "initiator" ? "responder" : "initiator"])
    this.#pings = new Rate(limits.pingsPerSecond)
    this.#ignored = new Rate(limits.ignoredPerSecond)
    this.#reader.push(rest)
  }

  /**
   * Takes a chunk, which must not be changed afterwards, at a time of a monotonic clock. After a failure, and after
   * the peer's Close, nothing is taken any more.
   */
  receive(chunk: Uint8Array, nowMillis: number): Received {
    const events: Array<SessionEvent> = []
    let opened = 0
    if (this.#failure === undefined && !this.#closed) this.#reader.push(chunk)
    while (this.#failure === undefined && !this.#closed) {
      const body = this.#reader.next(Envelope.minSealed, Envelope.maxBody)
      if (body === undefined) break
      const wrong = body === "FrameLength" ? silently(body) : this.#open(body, nowMillis, events)
      if (wrong === undefined || wrong.answer) opened++
      this.#failure = wrong
    }
    return this.#failure === undefined ? { events, opened } : { events, opened, failure: this.#failure }
  }

  /** One frame, length prefix included. A plaintext beyond `Envelope.maxPlain` is a RangeError. */
  seal(type: number, plaintext: Uint8Array): Uint8Array {
    return Buffer.concat(this.sealInPieces(type, plaintext))
  }

  /** The same as pieces to write one behind the other, so that a long ciphertext is not copied. */
  sealInPieces(type: number, plaintext: Uint8Array): ReadonlyArray<Uint8Array> {
    return this.#sending.seal(type, plaintext)
  }

  #open(body: Uint8Array, nowMillis: number, events: Array<SessionEvent>): Failure | undefined {
    const plaintext = this.#receiving.open(body)
    if (typeof plaintext === "string") return silently(plaintext)
    const reason = this.#handle(Envelope.typeOf(body), plaintext, nowMillis, events)
    return reason === undefined ? undefined : { reason, answer: true }
  }

  #handle(
    type: number,
    plaintext: Uint8Array,
    nowMillis: number,
    events: Array<SessionEvent>
  ): "ProtocolError" | "RateLimited" | undefined {
    const known = Message.judgeType(type)
    if (known === "forbidden") return "ProtocolError"
    if (known === "ignored") {
      if (this.#ignored.exceededAt(nowMillis)) return "RateLimited"
      events.push({ _tag: "Ignored", type })
      return undefined
    }
    const message = Message.decode(type, plaintext)
    if (message === undefined) return "ProtocolError"
    switch (message._tag) {
      case "Close":
        this.#closed = true
        events.push({ _tag: "Close", reason: fromCode(message.code), detail: message.detail })
        return undefined
      case "Beginning":
        if (this.#partial !== undefined) return "ProtocolError"
        this.#partial = new Unfinished(message.topic)
        return this.#partial.add(message.payload, true, this.#limits.messageBytes)
      case "Continuation":
        return this.#continue(message, events)
      case "Bundle":
        return this.#bundle(message, nowMillis, events)
      default:
        return this.#admits(message) ? this.#deliver(message, nowMillis, events) : "ProtocolError"
    }
  }

  #continue(
    { more, payload }: Message.Continuation,
    events: Array<SessionEvent>
  ): "ProtocolError" | undefined {
    const partial = this.#partial
    if (partial === undefined) return "ProtocolError"
    const wrong = partial.add(payload, more, this.#limits.messageBytes)
    if (wrong !== undefined || more) return wrong
    this.#partial = undefined
    events.push({ _tag: "Data", topic: partial.topic, payload: partial.payload })
    return undefined
  }

  #bundle(
    { messages }: Message.Bundle,
    nowMillis: number,
    events: Array<SessionEvent>
  ): "ProtocolError" | "RateLimited" | undefined {
    for (const message of messages) if (!this.#admits(message)) return "ProtocolError"
    for (const message of messages) {
      const wrong = this.#deliver(message, nowMillis, events)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  /** Data must not stand between the parts of another message, nor be longer than a message may be. */
  #admits(message: Message.Item): boolean {
    return message._tag !== "Data" ||
      (this.#partial === undefined && message.payload.length <= this.#limits.messageBytes)
  }

  #deliver(
    message: Message.Item,
    nowMillis: number,
    events: Array<SessionEvent>
  ): "RateLimited" | undefined {
    if (message._tag === "Ping" && this.#pings.exceededAt(nowMillis)) return "RateLimited"
    events.push(message)
    return undefined
  }
}

/** What cannot be trusted gets no answer; what opened and is wrong does. */
const silently = (reason: Reason): Failure => ({ reason, answer: false })

/** The id of the first sealed envelope: before it an initiator has sent two in clear, a responder one. */
const firstId = { initiator: 3, responder: 2 } as const

/** Bytes of ciphertext up to which a copy costs less than a piece of its own. */
const copiedBytes = 8_192

/** What one direction has to count: the next header, the next nonce and the key. */
class Direction {
  readonly #header: Uint8Array
  readonly #nonce = new Uint8Array(Envelope.nonceBytes)
  #key: KeyObject

  constructor(key: Uint8Array, id: number) {
    this.#key = Aead.importKey(key)
    this.#header = Envelope.header(0, id, true)
  }

  seal(type: number, plaintext: Uint8Array): ReadonlyArray<Uint8Array> {
    const { length } = plaintext
    if (length > Envelope.maxPlain) throw new RangeError(`a plaintext has at most ${Envelope.maxPlain} bytes`)
    Envelope.setType(this.#header, type)
    const { ciphertext, tag } = Aead.seal(this.#key, this.#nonce, this.#header, plaintext)
    const bodyLength = Envelope.sealedBytes + Varint.size(length) + length
    const apart = length > copiedBytes
    const piece = Buffer.allocUnsafe(Varint.size(bodyLength) + bodyLength - (apart ? length : 0))
    const start = Varint.write(piece, 0, bodyLength)
    piece.set(this.#header, start)
    piece.set(this.#nonce, start + nonceAt)
    piece.set(tag, start + tagAt)
    const at = Varint.write(piece, start + Envelope.sealedBytes, length)
    this.#count()
    if (apart) return [piece, ciphertext]
    piece.set(ciphertext, at)
    return [piece]
  }

  /** The plaintext of a body, or the first reason against it. Nothing moves before the tag was right. */
  open(body: Uint8Array): Uint8Array | Reason {
    const wrong = Envelope.judgeHeader(body, this.#header)
    if (wrong !== undefined) return wrong
    const start = Envelope.payloadStart(body, Envelope.sealedBytes)
    if (start === undefined) return "BadHeader"
    for (let at = 0; at < Envelope.nonceBytes; at++) {
      if (body[nonceAt + at] !== this.#nonce[at]) return "ReplayOrReorder"
    }
    const plaintext = Aead.open(
      this.#key,
      this.#nonce,
      body.subarray(0, nonceAt),
      body.subarray(start),
      body.subarray(tagAt, Envelope.sealedBytes)
    )
    if (plaintext === undefined) return "DecryptFailed"
    this.#count()
    return plaintext
  }

  #count(): void {
    if (this.#nonce[4] === 0xff && this.#nonce[5] === 0xff) this.#key = Aead.rekey(this.#key)
    Envelope.increment(this.#nonce, 4)
    Envelope.countOn(this.#header)
  }
}

const nonceAt = Envelope.headerBytes
const tagAt = nonceAt + Envelope.nonceBytes

/** A message whose parts are still coming, gathered in memory that grows with what has come. */
class Unfinished {
  readonly topic: string
  #bytes: Uint8Array = new Uint8Array(0)
  #length = 0

  constructor(topic: string) {
    this.topic = topic
  }

  /** Takes a part, which must not be changed afterwards, and whether `more` are to come. */
  add(part: Uint8Array, more: boolean, limit: number): "ProtocolError" | undefined {
    const length = this.#length + part.length
    if (length > limit) return "ProtocolError"
    if (this.#length === 0) this.#bytes = part
    else {
      if (length > this.#bytes.length) this.#grow(more ? Math.min(limit, 2 * length) : length)
      this.#bytes.set(part, this.#length)
    }
    this.#length = length
    return undefined
  }

  get payload(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length)
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(length)
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
