/**
 * An authenticated session: chunks of bytes become messages, plaintexts become sealed frames. Nothing can be chosen
 * in a frame but its type and content: counters, nonces and keys are the ones due, or the session is over.
 *
 * @since 0.1.0
 */
import type { Limits } from "../domain/Limits.js"
import { type CloseReason, fromCode, type Reason } from "../domain/Reason.js"
import * as Aead from "./Aead.js"
import { hex } from "./Crypto.js"
import * as Envelope from "./Envelope.js"
import { FrameReader } from "./Frame.js"
import * as Message from "./Message.js"
import { Rate } from "./Rate.js"
import { Unfinished } from "./Unfinished.js"
import * as Varint from "./Varint.js"

/** The peer's goodbye. @since 0.1.0 */
export interface CloseEvent {
  readonly _tag: "Close"
  readonly reason: CloseReason
  readonly detail: string
}

/** A frame of a type that this version does not know. @since 0.1.0 */
export interface Ignored {
  readonly _tag: "Ignored"
  readonly type: number
}

/** Where what a peer said goes, in order. @since 0.1.0 */
export interface Sink {
  /** A message of the application: its payload is `bytes` from `start` to `end`, memory that nobody uses again. */
  readonly data: (topic: string, bytes: Uint8Array, start: number, end: number) => void
  /** One that came in parts: its payload is what they have one behind the other, in memory that nobody uses again. */
  readonly joined: (topic: string, parts: ReadonlyArray<Uint8Array>) => void
  /** Anything else. */
  readonly control: (event: Message.Ping | Message.Pong | CloseEvent | Ignored) => void
}

/** Why a session is over. @since 0.1.0 */
export interface Failure {
  readonly reason: Reason
  /** Whether the peer is told with a Close; otherwise the connection is destroyed without a word. */
  readonly answer: boolean
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
  /** The handshake's hash in hexadecimal, the same at both ends and nowhere else. */
  readonly idText: string
  readonly #limits: SessionOptions["limits"]
  readonly #sendKey: Aead.Key
  readonly #receiveKey: Aead.Key
  readonly #firstSent: number
  #sent = 0
  #opened = 0
  /** Only while a frame is cut. */
  #reader: FrameReader | undefined
  #partial: Unfinished | undefined
  #pings: Rate | undefined
  #ignored: Rate | undefined
  #failure: Failure | undefined
  #closed = false

  constructor({ id, limits, receiveKey, rest, role, sendKey }: SessionOptions) {
    this.idText = hex(id)
    this.#limits = limits
    this.#sendKey = new Aead.Key(new Uint8Array(sendKey))
    this.#receiveKey = new Aead.Key(new Uint8Array(receiveKey))
    this.#firstSent = firstId[role]
    if (rest.length > 0) {
      this.#reader = new FrameReader()
      this.#reader.push(rest)
    }
  }

  /** Frames of the peer that opened, all in all: any is a sign of life. */
  get opened(): number {
    return this.#opened
  }

  /**
   * Takes a chunk at a time of a monotonic clock and gives what it holds to the sink; the chunk is the caller's again.
   * Returns why the session is over, if it is. After a failure, and after the peer's Close, nothing is taken any more.
   */
  receive(chunk: Uint8Array, nowMillis: number, sink: Sink): Failure | undefined {
    if (this.#failure !== undefined || this.#closed) return this.#failure
    const reader = this.#reader ?? spare ?? new FrameReader()
    this.#reader = spare = undefined
    reader.push(chunk)
    do {
      const body = reader.next(Envelope.minSealed, Envelope.maxBody)
      if (body === undefined) {
        if (reader.buffered > 0) this.#reader = reader
        else spare = reader
        return undefined
      }
      this.#failure = body === "FrameLength" ? silently(body) : this.#open(body, nowMillis, sink)
    } while (this.#failure === undefined && !this.#closed)
    return this.#failure
  }

  /** One frame, length prefix included. A plaintext beyond `Envelope.maxPlain` is a RangeError. */
  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const pieces = this.sealInPieces(type, nothing, plaintext)
    return pieces.length === 1 ? pieces[0] ?? nothing : Buffer.concat(pieces)
  }

  /** The same for a plaintext in two pieces, as pieces to write one behind the other: a long text is not copied. */
  sealInPieces(type: number, head: Uint8Array, rest: Uint8Array): ReadonlyArray<Uint8Array> {
    const length = head.length + rest.length
    if (length > Envelope.maxPlain) throw new RangeError(`a plaintext has at most ${Envelope.maxPlain} bytes`)
    Envelope.setType(header, type)
    Envelope.setCount(header, Envelope.idAt, this.#sent + this.#firstSent)
    Envelope.setCount(nonce, 4, this.#sent)
    const bodyLength = Envelope.sealedBytes + Varint.size(length) + length
    const apart = rest.length > copiedBytes
    const piece = Buffer.allocUnsafe(Varint.size(bodyLength) + bodyLength - (apart ? rest.length : 0))
    const start = Varint.write(piece, 0, bodyLength)
    piece.set(header, start)
    piece.set(nonce, start + nonceAt)
    const at = Varint.write(piece, start + Envelope.sealedBytes, length)
    const long = Aead.sealInto(this.#sendKey, nonce, header, head, rest, piece, at, start + tagAt)
    if (isLastOfKey(this.#sent++)) this.#sendKey.turn()
    return long === undefined ? [piece] : [piece, long]
  }

  /** Nothing moves before the tag was right. */
  #open(body: Uint8Array, nowMillis: number, sink: Sink): Failure | undefined {
    // Before the first sealed envelope an initiator has sent two in clear, a responder one.
    Envelope.setCount(
      header,
      Envelope.idAt,
      this.#opened + firstId.initiator + firstId.responder - this.#firstSent
    )
    const wrong = Envelope.judgeHeader(body, header)
    if (wrong !== undefined) return silently(wrong)
    const start = Envelope.payloadStart(body, Envelope.sealedBytes)
    if (start === undefined) return silently("BadHeader")
    Envelope.setCount(nonce, 4, this.#opened)
    for (let at = 0; at < Envelope.nonceBytes; at++) {
      if (body[nonceAt + at] !== nonce[at]) return silently("ReplayOrReorder")
    }
    const type = Envelope.typeOf(body)
    Envelope.setType(header, type)
    const key = this.#receiveKey
    const plaintext = Aead.openFrom(key, nonce, header, body, start, body.length, body, tagAt)
    if (plaintext === undefined) return silently("DecryptFailed")
    if (isLastOfKey(this.#opened++)) key.turn()
    return this.#handle(type, plaintext, nowMillis, sink)
  }

  #handle(type: number, plaintext: Uint8Array, nowMillis: number, sink: Sink): Failure | undefined {
    switch (Message.judgeType(type)) {
      case "forbidden":
        return protocolError
      case "ignored":
        this.#ignored ??= new Rate(this.#limits.ignoredPerSecond)
        if (this.#ignored.exceededAt(nowMillis)) return rateLimited
        sink.control({ _tag: "Ignored", type })
        return undefined
      case "known":
    }
    switch (type) {
      case Envelope.types.Data:
        return this.#data(plaintext, sink)
      case Envelope.types.Bundle:
        return this.#bundle(plaintext, nowMillis, sink)
      case Envelope.types.Close:
        return this.#close(plaintext, sink)
      default:
        return plaintext.length === Message.pingBytes
          ? this.#signOfLife(type, plaintext, 0, nowMillis, sink)
          : protocolError
    }
  }

  #close(plaintext: Uint8Array, sink: Sink): Failure | undefined {
    const close = Message.decodeClose(plaintext)
    if (close === undefined) return protocolError
    this.#closed = true
    sink.control({ _tag: "Close", reason: fromCode(close.code), detail: close.detail })
    return undefined
  }

  #data(bytes: Uint8Array, sink: Sink): Failure | undefined {
    const start = Message.payloadStart(bytes, 0, bytes.length)
    if (start < 0) return protocolError
    const begins = bytes[0] === 0 || bytes[0] === 1
    if (begins ? !this.#admits(bytes.length - start) : this.#partial === undefined) return protocolError
    if (bytes[0] === 0) {
      sink.data(Message.topicOf(bytes, 0), bytes, start, bytes.length)
      return undefined
    }
    const more = bytes[0] !== 2
    const partial = this.#partial ??= new Unfinished(Message.topicOf(bytes, 0))
    if (!partial.add(bytes, start, more, this.#limits.messageBytes)) return protocolError
    if (more) return undefined
    this.#partial = undefined
    sink.joined(partial.topic, partial.parts)
    return undefined
  }

  /** It is checked whole before any of it is delivered; reading it twice costs less than keeping what was read. */
  #bundle(bytes: Uint8Array, nowMillis: number, sink: Sink): Failure | undefined {
    const { length } = bytes
    if (length === 0) return protocolError
    for (let at = 0; at < length;) {
      const end = Message.itemEnd(bytes, at)
      const start = Message.checkItem(bytes, at, end)
      if (start < 0 || (bytes[at] === Envelope.types.Data && !this.#admits(end - start))) return protocolError
      at = end
    }
    for (let at = 0; at < length;) {
      const end = Message.itemEnd(bytes, at)
      const start = Message.itemStart(bytes, at)
      const type = bytes[at] ?? 0
      if (type === Envelope.types.Data) {
        sink.data(Message.topicOf(bytes, start), bytes, start + 2 + (bytes[start + 1] ?? 0), end)
      } else {
        const wrong = this.#signOfLife(type, bytes, start, nowMillis, sink)
        if (wrong !== undefined) return wrong
      }
      at = end
    }
    return undefined
  }

  /** Data must not stand between the parts of another message, nor be longer than a message may be. */
  #admits(length: number): boolean {
    return this.#partial === undefined && length <= this.#limits.messageBytes
  }

  #signOfLife(
    type: number,
    bytes: Uint8Array,
    at: number,
    nowMillis: number,
    sink: Sink
  ): Failure | undefined {
    const data = Buffer.allocUnsafe(Message.pingBytes)
    for (let index = 0; index < data.length; index++) data[index] = bytes[at + index] ?? 0
    if (type === Envelope.types.Pong) {
      sink.control({ _tag: "Pong", data })
      return undefined
    }
    this.#pings ??= new Rate(this.#limits.pingsPerSecond)
    if (this.#pings.exceededAt(nowMillis)) return rateLimited
    sink.control({ _tag: "Ping", data })
    return undefined
  }
}

/** What cannot be trusted gets no answer; what opened and is wrong does. */
const silently = (reason: Reason): Failure => ({ reason, answer: false })
const protocolError: Failure = { reason: "ProtocolError", answer: true }
const rateLimited: Failure = { reason: "RateLimited", answer: true }

/** A reader that holds nothing, for the next chunk, whatever session it is for. */
let spare: FrameReader | undefined

/** The id of the first sealed envelope. */
const firstId = { initiator: 3, responder: 2 } as const

/** Whether the frame with that number is the last one under its key. */
const isLastOfKey = (count: number): boolean => count % 65_536 === 65_535

/** Bytes of ciphertext up to which a copy costs less than a piece of its own. */
const copiedBytes = 8_192

const nonceAt = Envelope.headerBytes
const tagAt = nonceAt + Envelope.nonceBytes
const nothing = new Uint8Array(0)

/** The header and the nonce that are due, written anew for each frame. */
const header = Envelope.header(0, 0, true)
const nonce = new Uint8Array(Envelope.nonceBytes)
