/**
 * The plaintexts of sealed frames. Every reader takes any bytes, throws nothing and accepts one form of a message
 * only: what it accepts is what {@link encode} writes.
 *
 * @since 0.1.0
 */
import * as NodeId from "../domain/NodeId.js"
import { maxPlain, types } from "./Envelope.js"
import * as Varint from "./Varint.js"

/** A question for a sign of life: 8 random bytes. @since 0.1.0 */
export interface Ping {
  readonly _tag: "Ping"
  readonly data: Uint8Array
}

/** The answer to a Ping: its bytes. @since 0.1.0 */
export interface Pong {
  readonly _tag: "Pong"
  readonly data: Uint8Array
}

/** The last frame of a direction. @since 0.1.0 */
export interface Close {
  readonly _tag: "Close"
  readonly code: number
  /** At most 64 characters of printable ASCII. */
  readonly detail: string
}

/** An application's message in one piece. @since 0.1.0 */
export interface Data {
  readonly _tag: "Data"
  readonly topic: string
  readonly payload: Uint8Array
}

/** The beginning of an application's message that continues in the next part. @since 0.1.0 */
export interface Beginning {
  readonly _tag: "Beginning"
  readonly topic: string
  readonly payload: Uint8Array
}

/** A further part of an application's message, the last one unless `more`. @since 0.1.0 */
export interface Continuation {
  readonly _tag: "Continuation"
  readonly more: boolean
  readonly payload: Uint8Array
}

/** What a Bundle may hold. @since 0.1.0 */
export type Item = Ping | Pong | Data

/** Messages that travel under one tag, in order; at least one. @since 0.1.0 */
export interface Bundle {
  readonly _tag: "Bundle"
  readonly messages: ReadonlyArray<Item>
}

/** Everything a plaintext can say. @since 0.1.0 */
export type Message = Ping | Pong | Close | Data | Beginning | Continuation | Bundle

/** Bytes of a Ping and a Pong. @since 0.1.0 */
export const pingBytes = 8

/** Bytes of UTF-8 in the longest topic. @since 0.1.0 */
export const maxTopicBytes = NodeId.maxBytes

/** Characters in the longest detail of a Close. @since 0.1.0 */
export const maxDetail = 64

/**
 * Whether a text may be a topic: empty, or what may be a node id, which has no control or format characters, line
 * separators or white space at its ends.
 *
 * @since 0.1.0
 */
export const isTopic = (text: string): boolean => visible.test(text) || NodeId.problem(text) === undefined

/**
 * Whether a type is one of this version. Any other is ignored, but for those of the handshake and 0, which end the
 * session.
 *
 * @since 0.1.0
 */
export const judgeType = (type: number): "known" | "ignored" | "forbidden" => {
  switch (type) {
    case types.Ping:
    case types.Pong:
    case types.Close:
    case types.Data:
    case types.Bundle:
      return "known"
    case 0:
    case types.Hello:
    case types.HelloAck:
    case types.HelloFinish:
      return "forbidden"
    default:
      return "ignored"
  }
}

/** The message of a plaintext; nothing if it does not parse. Its payloads are views. @since 0.1.0 */
export const decode = (type: number, plaintext: Uint8Array): Message | undefined => {
  switch (type) {
    case types.Close:
      return decodeClose(plaintext)
    case types.Bundle:
      return decodeBundle(plaintext)
    default:
      return decodePlain(type, plaintext, 0, plaintext.length)
  }
}

/** The plaintext of a message; its type is {@link typeOf}. @since 0.1.0 */
export const encode = (message: Message): Uint8Array => {
  switch (message._tag) {
    case "Ping":
    case "Pong":
      return message.data
    case "Close":
      return encodeClose(message.code, message.detail)
    case "Data":
      return encodeBeginning(0, message.topic, message.payload)
    case "Beginning":
      return encodeBeginning(1, message.topic, message.payload)
    case "Continuation":
      return encodeContinuation(message.more, message.payload)
    case "Bundle":
      return encodeBundle(message.messages)
  }
}

/** The type of a message. @since 0.1.0 */
export const typeOf = (message: Message): number =>
  message._tag === "Beginning" || message._tag === "Continuation" ? types.Data : types[message._tag]

/** The plaintext of a Close. Of the detail goes what is printable ASCII, and no more than its limit. @since 0.1.0 */
export const encodeClose = (code: number, detail: string): Uint8Array => {
  const text = detail.replace(/[^ -~]/g, "").slice(0, maxDetail)
  const bytes = new Uint8Array(3 + text.length)
  bytes[0] = code
  bytes[1] = code >>> 8
  bytes[2] = text.length
  for (let at = 0; at < text.length; at++) bytes[3 + at] = text.charCodeAt(at)
  return bytes
}

/** What a Close says; nothing if it does not parse. @since 0.1.0 */
export const decodeClose = (bytes: Uint8Array): Close | undefined => {
  const [low, high, length] = bytes
  if (low === undefined || high === undefined || length === undefined) return undefined
  if (length > maxDetail || bytes.length !== 3 + length) return undefined
  const detail = bytes.subarray(3)
  if (detail.some((byte) => byte < 0x20 || byte > 0x7e)) return undefined
  return { _tag: "Close", code: low | high << 8, detail: String.fromCharCode(...detail) }
}

/**
 * The Data plaintexts of a message of the application, each within the longest plaintext; the payload is copied.
 * Throws a RangeError if {@link isTopic} is false for the topic.
 *
 * @since 0.1.0
 */
export const parts = (topic: string, payload: Uint8Array): ReadonlyArray<Uint8Array> => {
  const room = maxPlain - 1 - topicBytes(topic)
  if (payload.length <= room) return [encodeBeginning(0, topic, payload)]
  const all = [encodeBeginning(1, topic, payload.subarray(0, room))]
  for (let at = room; at < payload.length; at += maxPlain - 1) {
    const end = at + maxPlain - 1
    all.push(encodeContinuation(end < payload.length, payload.subarray(at, end)))
  }
  return all
}

/**
 * What stands before the payload in the Data plaintext of a message in one piece. Throws a RangeError if
 * {@link isTopic} is false for the topic.
 *
 * @since 0.1.0
 */
export const head = (topic: string): Uint8Array => encodeBeginning(0, topic, nothing)

/** The same head for a part that others follow. @since 0.1.0 */
export const withMore = (head: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(head)
  bytes[0] = (head[0] ?? 0) | 1
  return bytes
}

/**
 * Where the payload begins of a Data plaintext that lies at `at` to `end`; negative if it does not parse.
 *
 * @since 0.1.0
 */
export const payloadStart = (bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return -1
  const part = bytes[at] ?? 0
  if (part > 3) return -1
  if (part > 1) return at + 1
  const length = Varint.read(bytes, at + 1, end)
  const start = at + 2 + length
  if (length < 0 || length > maxTopicBytes || start > end) return -1
  return readTopic(bytes, at + 2, start) === undefined ? -1 : start
}

/** The topic of a Data plaintext at `at` that has been checked and does not continue another one. @since 0.1.0 */
export const topicOf = (bytes: Uint8Array, at: number): string =>
  readTopic(bytes, at + 2, at + 2 + (bytes[at + 1] ?? 0)) ?? ""

/** Where the item of a Bundle at `at` ends; negative if it does not end within the bytes. @since 0.1.0 */
export const itemEnd = (bytes: Uint8Array, at: number): number => {
  const length = Varint.read(bytes, at + 2, bytes.length)
  const end = at + itemHead(length) + length
  return length < 0 || end > bytes.length ? -1 : end
}

/** Where the plaintext of the item of a Bundle at `at` begins, once {@link itemEnd} has found its end. @since 0.1.0 */
export const itemStart = (bytes: Uint8Array, at: number): number =>
  at + ((bytes[at + 2] ?? 0) < 0x80 ? 3 : (bytes[at + 3] ?? 0) < 0x80 ? 4 : 5)

/**
 * Where the payload of the item of a Bundle from `at` to `end` begins, that of a Ping or Pong being its bytes;
 * negative if a Bundle must not hold it.
 *
 * @since 0.1.0
 */
export const checkItem = (bytes: Uint8Array, at: number, end: number): number => {
  if (end < 0 || bytes[at + 1] !== 0) return -1
  const start = itemStart(bytes, at)
  switch (bytes[at]) {
    case types.Data:
      return bytes[start] === 0 ? payloadStart(bytes, start, end) : -1
    case types.Ping:
    case types.Pong:
      return end - start === pingBytes ? start : -1
    default:
      return -1
  }
}

/** Bytes in front of a plaintext of that length within a Bundle. @since 0.1.0 */
export const itemHead = (length: number): number => 2 + Varint.size(length)

/** Writes what stands in front of a plaintext within a Bundle and returns the offset behind it. @since 0.1.0 */
export const writeItemHead = (target: Uint8Array, at: number, type: number, length: number): number => {
  target[at] = type & 0xff
  target[at + 1] = type >>> 8
  return Varint.write(target, at + 2, length)
}

/** Writes a plaintext as an item of a Bundle and returns the offset behind it. @since 0.1.0 */
export const writeItem = (target: Uint8Array, at: number, type: number, plaintext: Uint8Array): number => {
  const start = writeItemHead(target, at, type, plaintext.length)
  target.set(plaintext, start)
  return start + plaintext.length
}

/** Topics that need no closer look, which are nearly all. */
const visible = /^[!-~]{0,64}$/
const nothing = new Uint8Array(0)
const encoder = new TextEncoder()
// A byte order mark is kept, so that it is refused like any other control character.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodePlain = (
  type: number,
  bytes: Uint8Array,
  at: number,
  end: number
): Item | Beginning | Continuation | undefined => {
  switch (type) {
    case types.Ping:
      return end - at === pingBytes ? { _tag: "Ping", data: bytes.subarray(at, end) } : undefined
    case types.Pong:
      return end - at === pingBytes ? { _tag: "Pong", data: bytes.subarray(at, end) } : undefined
    case types.Data:
      return decodeData(bytes, at, end)
    default:
      return undefined
  }
}

const decodeData = (
  bytes: Uint8Array,
  at: number,
  end: number
): Data | Beginning | Continuation | undefined => {
  const start = payloadStart(bytes, at, end)
  if (start < 0) return undefined
  const part = bytes[at] ?? 0
  const payload = bytes.subarray(start, end)
  if (part > 1) return { _tag: "Continuation", more: part === 3, payload }
  return { _tag: part === 0 ? "Data" : "Beginning", topic: topicOf(bytes, at), payload }
}

/** The last topic that was read: that of the next message is nearly always the same. */
let recent = ""

const readTopic = (bytes: Uint8Array, at: number, end: number): string | undefined => {
  if (isText(bytes, at, end, recent)) return recent
  const text = decodeTopic(bytes, at, end)
  // One that has a byte for each character is ASCII, which is compared without being decoded.
  if (text?.length === end - at) recent = text
  return text
}

const isText = (bytes: Uint8Array, at: number, end: number, text: string): boolean => {
  if (end - at !== text.length) return false
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false
  }
  return true
}

const decodeTopic = (bytes: Uint8Array, at: number, end: number): string | undefined => {
  let text = ""
  for (let index = at; index < end; index++) {
    const byte = bytes[index] ?? 0
    if (byte < 0x21 || byte > 0x7e) return decodeUnusual(bytes.subarray(at, end))
    text += String.fromCharCode(byte)
  }
  return text
}

/** What is not all visible ASCII goes the long way. */
const decodeUnusual = (bytes: Uint8Array): string | undefined => {
  try {
    const text = decoder.decode(bytes)
    return isTopic(text) ? text : undefined
  } catch {
    return undefined
  }
}

const decodeBundle = (bytes: Uint8Array): Bundle | undefined => {
  const messages: Array<Item> = []
  for (let at = 0; at < bytes.length;) {
    const end = itemEnd(bytes, at)
    if (checkItem(bytes, at, end) < 0) return undefined
    const message = decodePlain(bytes[at] ?? 0, bytes, itemStart(bytes, at), end)
    if (message !== undefined) messages.push(message as Item)
    at = end
  }
  return messages.length === 0 ? undefined : { _tag: "Bundle", messages }
}

const topicBytes = (topic: string): number => {
  if (visible.test(topic)) return 1 + topic.length
  if (!isTopic(topic)) throw new RangeError("not a topic; ask Message.isTopic first")
  return 1 + encoder.encode(topic).length
}

// Here and wherever every byte is written anyway, memory from the pool costs a tenth.
const encodeBeginning = (part: 0 | 1, topic: string, payload: Uint8Array): Uint8Array => {
  const head = 1 + topicBytes(topic)
  const bytes = Buffer.allocUnsafe(head + payload.length)
  bytes[0] = part
  bytes[1] = head - 2
  // As many bytes as characters: ASCII, for which a loop is quicker than the encoder.
  if (head - 2 === topic.length) {
    for (let at = 0; at < topic.length; at++) bytes[2 + at] = topic.charCodeAt(at)
  } else encoder.encodeInto(topic, bytes.subarray(2))
  bytes.set(payload, head)
  return bytes
}

const encodeContinuation = (more: boolean, payload: Uint8Array): Uint8Array => {
  const bytes = Buffer.allocUnsafe(1 + payload.length)
  bytes[0] = more ? 3 : 2
  bytes.set(payload, 1)
  return bytes
}

const encodeBundle = (messages: Bundle["messages"]): Uint8Array => {
  const items = messages.map((message) => [typeOf(message), encode(message)] as const)
  const bytes = new Uint8Array(items.reduce((sum, [, item]) => sum + itemHead(item.length) + item.length, 0))
  items.reduce((at, [type, item]) => writeItem(bytes, at, type, item), 0)
  return bytes
}
