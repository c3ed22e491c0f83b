/**
 * What lies within a frame: the header of 22 bytes, the types, the envelopes in clear of the handshake and the
 * places of a sealed one.
 *
 * @since 0.1.0
 */
import type { Reason } from "../domain/Reason.js"
import * as Crypto from "./Crypto.js"
import * as Pool from "./Pool.js"
import * as Varint from "./Varint.js"

/** Major version. @since 0.1.0 */
export const major = 2

/** Minor version. @since 0.1.0 */
export const minor = 0

/** The types of an envelope. @since 0.1.0 */
export const types = {
  Hello: 1,
  Ping: 2,
  Pong: 3,
  HelloAck: 4,
  HelloFinish: 5,
  Close: 6,
  Data: 16,
  Bundle: 17
} as const

/** Bytes of the header. @since 0.1.0 */
export const headerBytes = 22

/** Bytes of the nonce in a sealed body, right behind the header. @since 0.1.0 */
export const nonceBytes = 12

/** Where the length of the ciphertext stands in a sealed body. @since 0.1.0 */
export const sealedBytes = headerBytes + nonceBytes + Crypto.tagBytes

/** Bytes of the longest body, a frame without its length prefix, after the handshake. @since 0.1.0 */
export const maxBody = 65_536

/** Bytes of the longest plaintext. @since 0.1.0 */
export const maxPlain = maxBody - sealedBytes - 3

/** Bytes of the shortest sealed body, that of an empty plaintext. @since 0.1.0 */
export const minSealed = sealedBytes + 1

const start = Uint8Array.of(0x56, 0x50, 0x32, 0x50, major, 0, minor, 0)
const typeAt = 8

/** Where the id stands in a header. @since 0.1.0 */
export const idAt = 10

const flagsAt = 18

/** A header; `id` is the count of envelopes in that direction, from 1. @since 0.1.0 */
export const header = (type: number, id: number, sealed: boolean): Uint8Array => {
  const bytes = new Uint8Array(headerBytes)
  bytes.set(start)
  setType(bytes, type)
  setCount(bytes, idAt, id)
  bytes[flagsAt] = sealed ? 1 : 0
  return bytes
}

/** The type of a body that has a whole header. @since 0.1.0 */
export const typeOf = (body: Uint8Array): number => (body[typeAt] ?? 0) | (body[typeAt + 1] ?? 0) << 8

/** Sets the type of a header. @since 0.1.0 */
export const setType = (bytes: Uint8Array, type: number): void => {
  bytes[typeAt] = type & 0xff
  bytes[typeAt + 1] = type >>> 8
}

/** Writes a count as the little-endian u64 at `at`. @since 0.1.0 */
export const setCount = (bytes: Uint8Array, at: number, count: number): void => {
  // Two halves: what a bitwise operator takes has 32 bits.
  const high = Math.floor(count / 0x1_0000_0000)
  for (let index = 0; index < 4; index++) {
    bytes[at + index] = count >>> (8 * index)
    bytes[at + 4 + index] = high >>> (8 * index)
  }
}

/**
 * Compares the header of a body, the type aside, with the only one possible: `LegacyPeer` for one of version 1,
 * `BadHeader` for any other difference, a body too short for a header included.
 *
 * @since 0.1.0
 */
export const judgeHeader = (body: Uint8Array, expected: Uint8Array): Reason | undefined => {
  for (let at = 0; at < headerBytes; at++) {
    if (body[at] === expected[at] || at === typeAt || at === typeAt + 1) continue
    return (at === 4 || at === 5) && body[4] === 1 && body[5] === 0 ? "LegacyPeer" : "BadHeader"
  }
  return undefined
}

/** A whole frame, length prefix included, that holds an envelope in clear. @since 0.1.0 */
export const clear = (type: number, id: number, payload: Uint8Array): Uint8Array => {
  const length = headerBytes + Varint.size(payload.length) + payload.length
  const frame = Pool.take(Varint.size(length) + length)
  const start = Varint.write(frame, 0, length)
  frame.set(header(type, id, false), start)
  frame.set(payload, Varint.write(frame, start + headerBytes, payload.length))
  return frame
}

/**
 * The payload of a body in clear of that type and id, or the first reason against it: `LegacyPeer`, `BadHeader`,
 * `Unexpected` for another type.
 *
 * @since 0.1.0
 */
export const readClear = (body: Uint8Array, type: number, id: number): Uint8Array | Reason => {
  const wrong = judgeHeader(body, header(type, id, false))
  if (wrong !== undefined) return wrong
  if (typeOf(body) !== type) return "Unexpected"
  const start = payloadStart(body, headerBytes)
  return start === undefined ? "BadHeader" : body.subarray(start)
}

/**
 * Where the payload begins whose length stands at `at`; nothing unless it ends the body exactly.
 *
 * @since 0.1.0
 */
export const payloadStart = (body: Uint8Array, at: number): number | undefined => {
  const length = Varint.read(body, at, body.length)
  if (length < 0) return undefined
  const start = at + Varint.size(length)
  return start + length === body.length ? start : undefined
}
