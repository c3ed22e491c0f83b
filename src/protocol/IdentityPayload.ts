/**
 * The identity payload inside HelloAck and HelloFinish: who speaks, proven by a signature over the fresh handshake hash.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as NodeId from "../domain/NodeId.js"
import type * as PeerId from "../domain/PeerId.js"
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

/** What every handshake of a process gives a number of its own. @since 0.1.0 */
export type Sequences = Pick<Statement, "connSeq" | "seenSeq">

/** What is wrong with capabilities, a line each. @since 0.1.0 */
export const problems = (capabilities: Statement["capabilities"]): ReadonlyArray<string> => {
  const entries = Object.entries(capabilities)
  const found = entries.flatMap(([key, value]) =>
    !capabilityKey.test(key)
      ? [`capabilities ${JSON.stringify(key)}: expected a key of 1 to 32 characters of [a-z0-9._-]`]
      : !capabilityValue.test(value)
      ? [`capabilities.${key} ${JSON.stringify(value)}: expected at most 64 characters of printable ASCII`]
      : []
  )
  return entries.length <= maxCapabilities
    ? found
    : [`capabilities of ${entries.length} keys: expected at most ${maxCapabilities}`, ...found]
}

/**
 * The payload of one end, bound to its role and to the handshake hash. Throws if the statement breaks a rule of
 * its own fields, for the other end would refuse it.
 *
 * @since 0.1.0
 */
export const encode = (statement: Statement, role: Role, hash: Uint8Array, signer: Signer): Uint8Array =>
  complete(layOut(statement, signer.publicKey), statement, role, hash, signer)

/**
 * What stays the same in each payload of one end: all before the signature, without numbers. Throws as `encode` does.
 *
 * @since 0.1.0
 */
export const layOut = (
  statement: Omit<Statement, keyof Sequences>,
  publicKey: Uint8Array
): Uint8Array => {
  const body = encodeBody(statement, publicKey)
  const read = parse(body)
  if (read?.instance !== Crypto.hex(statement.instance) || read.listenPort !== statement.listenPort) {
    throw new TypeError("expected a sound node id, port, instance and capabilities of this node")
  }
  return body
}

/** The payload that `encode` gives, of what was laid out before. @since 0.1.0 */
export const complete = (
  laidOut: Uint8Array,
  { connSeq, seenSeq }: Sequences,
  role: Role,
  hash: Uint8Array,
  signer: Signer
): Uint8Array => {
  const message = signed(role, hash, laidOut)
  const numbers = new DataView(message.buffer, message.byteOffset + signedHead + connSeqAt, 16)
  numbers.setBigUint64(0, connSeq, true)
  numbers.setBigUint64(8, seenSeq, true)
  return Buffer.concat([message.subarray(signedHead), signer.sign(message)])
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

const context = Buffer.from("vp2p/2 identity proof\0")
const roleByte = { initiator: 0x49, responder: 0x52 } as const
const hashBytes = 32
const signedHead = context.length + 1 + hashBytes

const signed = (role: Role, hash: Uint8Array, body: Uint8Array): Uint8Array => {
  const message = Buffer.allocUnsafe(signedHead + body.length)
  message.set(context)
  message[context.length] = roleByte[role]
  message.set(hash, context.length + 1)
  message.set(body, signedHead)
  return message
}

const connSeqAt = 50
const fixedBytes = 68
const ascii = /^[\0-\x7f]*$/
const capabilityKey = /^[a-z0-9._-]{1,32}$/
const capabilityValue = /^[\x20-\x7e]{0,64}$/
const maxCapabilities = 16

const encodeBody = (statement: Omit<Statement, keyof Sequences>, publicKey: Uint8Array): Uint8Array => {
  const fixed = new Uint8Array(fixedBytes)
  const view = new DataView(fixed.buffer)
  view.setUint16(0, statement.minor, true)
  fixed.set(publicKey, 2)
  fixed.set(statement.instance, 34)
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

const parse = (bytes: Uint8Array): Proven | undefined => {
  if (bytes.length < fixedBytes) return undefined
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = fixedBytes
  // As if each byte were a character, which is right for what may hold ASCII alone, and no rule of a capability lets
  // another pass.
  const text = (): string | undefined => {
    const length = body[at]
    if (length === undefined) return undefined
    const begin = at + 1
    at = begin + length
    return body.toString("latin1", begin, at)
  }
  const nodeIdAt = at + 1
  let nodeId = text()
  if (nodeId !== undefined && !ascii.test(nodeId)) nodeId = decodeUtf8(body.subarray(nodeIdAt, at))
  const count = body[at++]
  if (nodeId === undefined || NodeId.problem(nodeId) !== undefined) return undefined
  if (count === undefined || count > maxCapabilities) return undefined
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
  const view = new DataView(body.buffer, body.byteOffset, fixedBytes)
  return {
    minor: view.getUint16(0, true),
    publicKey: new Uint8Array(body.subarray(2, 34)),
    peerId: body.toString("hex", 2, 34) as PeerId.PeerId,
    instance: body.toString("hex", 34, connSeqAt),
    connSeq: view.getBigUint64(connSeqAt, true),
    seenSeq: view.getBigUint64(connSeqAt + 8, true),
    listenPort: view.getUint16(66, true),
    nodeId: nodeId as NodeId.NodeId,
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
