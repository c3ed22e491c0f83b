/**
 * The identity payload inside HelloAck and HelloFinish: who speaks, proven by a signature over the fresh handshake hash.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as NodeId from "../domain/NodeId.js"
import * as PeerId from "../domain/PeerId.js"
import type { Reason } from "../domain/Reason.js"
import * as Crypto from "./Crypto.js"

/** The side of a handshake: who dialled, or who was dialled. @since 0.1.0 */
export type Role = "initiator" | "responder"

/** What one end says of itself, apart from its key and its signature. @since 0.1.0 */
export interface Statement {
  /** Highest minor version spoken. */
  readonly minor: number
  /** Random per process start, 16 bytes. */
  readonly instance: Uint8Array
  /** Number of this connection among those its process dialled, from 1; 0 from a responder. */
  readonly connSeq: bigint
  /** Greatest number accepted from the other end's instance; 0 from a responder. */
  readonly seenSeq: bigint
  /** TCP port; 0 if the node does not listen. */
  readonly listenPort: number
  readonly nodeId: NodeId.NodeId
  /** At most 16; keys of 1 to 32 `[a-z0-9._-]`, values of at most 64 printable ASCII characters. */
  readonly capabilities: Readonly<Record<string, string>>
}

/** A party that can sign. @since 0.1.0 */
export interface Signer {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
}

/** An identity payload that passed checks 1 to 4: it parses, its key is sound, its signature is right. @since 0.1.0 */
export interface Proven extends Omit<Statement, "instance"> {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly peerId: PeerId.PeerId
  /** 32 hexadecimal digits. */
  readonly instance: string
}

/**
 * The payload of one end, bound to its role and to the handshake hash. Throws if the statement breaks a rule of
 * its own fields, for the other end would refuse it.
 *
 * @since 0.1.0
 */
export const encode = (statement: Statement, role: Role, hash: Uint8Array, signer: Signer): Uint8Array => {
  const body = encodeBody(statement, signer.publicKey)
  const read = parse(body)
  if (read?.instance !== Crypto.hex(statement.instance) || read.listenPort !== statement.listenPort) {
    throw new TypeError("expected a sound node id, port, instance and capabilities of this node")
  }
  return concat(body, signer.sign(signed(role, hash, body)))
}

/**
 * Decodes a payload and runs checks 1 to 4 in their order: `Malformed`, `BadIdentityKey`, `Malformed` (sequence
 * numbers that this role cannot have), `BadSignature`. Total on any bytes.
 *
 * @since 0.1.0
 */
export const prove = (payload: Uint8Array, role: Role, hash: Uint8Array): Either.Either<Proven, Reason> => {
  const body = payload.subarray(0, Math.max(0, payload.length - Crypto.signatureBytes))
  const proven = parse(body)
  if (proven === undefined) return Either.left("Malformed")
  if (Crypto.isSmallOrder(proven.publicKey)) return Either.left("BadIdentityKey")
  const numbered = role === "initiator"
    ? proven.connSeq >= 1n
    : proven.connSeq === 0n && proven.seenSeq === 0n
  if (!numbered) return Either.left("Malformed")
  const signature = payload.subarray(body.length)
  return Crypto.verify(proven.publicKey, signed(role, hash, body), signature)
    ? Either.right(proven)
    : Either.left("BadSignature")
}

const context = new TextEncoder().encode("vp2p/2 identity proof\0")
const roleByte = { initiator: 0x49, responder: 0x52 } as const

const signed = (role: Role, hash: Uint8Array, body: Uint8Array): Uint8Array =>
  concat(context, Uint8Array.of(roleByte[role]), hash, body)

const fixedBytes = 68
const capabilityKey = /^[a-z0-9._-]{1,32}$/
const capabilityValue = /^[\x20-\x7e]{0,64}$/
const maxCapabilities = 16

const encodeBody = (statement: Statement, publicKey: Uint8Array): Uint8Array => {
  const fixed = new Uint8Array(fixedBytes)
  const view = new DataView(fixed.buffer)
  view.setUint16(0, statement.minor, true)
  fixed.set(publicKey, 2)
  fixed.set(statement.instance, 34)
  view.setBigUint64(50, statement.connSeq, true)
  view.setBigUint64(58, statement.seenSeq, true)
  view.setUint16(66, statement.listenPort, true)
  const capabilities = Object.entries(statement.capabilities).sort(([a], [b]) => (a < b ? -1 : 1))
  return concat(
    fixed,
    short(statement.nodeId),
    lengthByte(capabilities.length),
    ...capabilities.flat().map(short)
  )
}

const short = (text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text)
  return concat(lengthByte(bytes.length), bytes)
}

// What does not fit becomes a length that no field may have, and so is refused.
const lengthByte = (length: number): Uint8Array => Uint8Array.of(Math.min(length, 255))

const parse = (body: Uint8Array): Proven | undefined => {
  if (body.length < fixedBytes) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = fixedBytes
  const text = (): string | undefined => {
    const length = body[at]
    if (length === undefined) return undefined
    const bytes = body.subarray(at + 1, at + 1 + length)
    at += 1 + length
    return decodeUtf8(bytes)
  }
  const nodeId = Either.getOrUndefined(NodeId.parse(text() ?? ""))
  const count = body[at++]
  if (nodeId === undefined || count === undefined || count > maxCapabilities) return undefined
  const capabilities: Array<readonly [string, string]> = []
  for (let previous = ""; capabilities.length < count;) {
    const key = text()
    const value = text()
    if (key === undefined || value === undefined || key <= previous) return undefined
    if (!capabilityKey.test(key) || !capabilityValue.test(value)) return undefined
    capabilities.push([key, value])
    previous = key
  }
  // Neither bytes left over nor a text that reached beyond the end.
  if (at !== body.length) return undefined
  const publicKey = body.slice(2, 34)
  return {
    minor: view.getUint16(0, true),
    publicKey,
    peerId: PeerId.fromKey(publicKey),
    instance: Crypto.hex(body.subarray(34, 50)),
    connSeq: view.getBigUint64(50, true),
    seenSeq: view.getBigUint64(58, true),
    listenPort: view.getUint16(66, true),
    nodeId,
    // An entry may be named like a member of Object.prototype: `fromEntries` defines, it does not assign.
    capabilities: Object.fromEntries(capabilities)
  }
}

// A byte order mark is kept, so that it is seen and refused: stripping it would give one name two encodings.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(parts)
