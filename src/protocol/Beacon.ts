/**
 * The discovery datagram: a line of JSON by which a node says where it listens. It is a hint and proves nothing.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { maxPort } from "../domain/Endpoint.js"
import { type NodeId, problem as wrongWith } from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import * as Crypto from "./Crypto.js"
import * as Envelope from "./Envelope.js"

/** @since 0.1.0 */
export interface Beacon {
  readonly nodeId: NodeId
  /** TCP port, 1 to 65,535, at the source address of the datagram. */
  readonly port: number
  /** Wall clock of the sender, Unix milliseconds; it is not judged. */
  readonly sentMillis: number
  /** Differs from one beacon to the next, and is the same in all copies of one. */
  readonly nonce: number
  /** Version of the protocol, `major.minor`. */
  readonly version: string
  /** What {@link keyOf} makes of the sender's PeerId; none from a node of version 1. */
  readonly key?: string
  /** What {@link networkOf} makes of the private network's key; none in the open network. */
  readonly network?: string
  /** Set if the sender has no place for a stranger; a dial that a beacon causes would be in vain. */
  readonly full?: true
}

/** Why bytes are no beacon. @since 0.1.0 */
export type Problem = "TooLong" | "NotJson" | "Malformed"

/** Bytes of the longest beacon. @since 0.1.0 */
export const maxBytes = 512

/** The version that this node speaks. @since 0.1.0 */
export const version = `${Envelope.major}.${Envelope.minor}`

/** The digits by which a beacon names a key: the first 16 of the PeerId. @since 0.1.0 */
export const keyOf = (peerId: PeerId): string => peerId.slice(0, 16)

/** The digits by which a beacon names a private network, 8 of a hash of its key. @since 0.1.0 */
export const networkOf = (networkKey: Uint8Array): string =>
  Crypto.hex(Crypto.sha256(networkContext, networkKey)).slice(0, 8)

/** Whether a beacon is worth a dial: its sender speaks the same major version and has a place. @since 0.1.0 */
export const isDiallable = ({ full, version }: Beacon): boolean =>
  version.startsWith(ourMajor) && full === undefined

/** The one form in which beacons are sent. @since 0.1.0 */
export const encode = (
  { full, key, network, nodeId, nonce, port, sentMillis, version: proto }: Beacon
): Uint8Array =>
  // The members in the order that the first version has, and no white space.
  new TextEncoder().encode(JSON.stringify({
    node_id: nodeId,
    tcp_port: port,
    ts_ms: sentMillis,
    nonce,
    cap: { transport: "tcp", proto, key, net: network, full: full && "1" }
  }))

/** A test that costs nothing and that most of what is no beacon fails. @since 0.1.0 */
export const isLikely = (bytes: Uint8Array): boolean => bytes.length <= maxBytes && bytes[0] === 0x7b

/** Decodes a datagram; members that are not known are ignored. Total on any bytes. @since 0.1.0 */
export const decode = (bytes: Uint8Array): Either.Either<Beacon, Problem> => {
  if (bytes.length > maxBytes) return Either.left("TooLong")
  const known = copies.find(bytes)
  if (known !== undefined) return known
  const decoded = read(bytes)
  copies.add(bytes, decoded)
  return decoded
}

const read = (bytes: Uint8Array): Either.Either<Beacon, Problem> => {
  const json = parse(bytes)
  if (json === undefined) return Either.left("NotJson")
  const beacon = judge(json)
  return beacon === undefined ? Either.left("Malformed") : Either.right(beacon)
}

/** What the last datagrams came to: a beacon comes by each interface, to each node of a process that listens. */
class Copies {
  readonly #seen: Array<{ readonly bytes: Uint8Array; readonly decoded: Either.Either<Beacon, Problem> }> = []
  #next = 0

  find(bytes: Uint8Array): Either.Either<Beacon, Problem> | undefined {
    for (const seen of this.#seen) if (isSame(seen.bytes, bytes)) return seen.decoded
    return undefined
  }

  add(bytes: Uint8Array, decoded: Either.Either<Beacon, Problem>): void {
    this.#seen[this.#next] = { bytes: new Uint8Array(bytes), decoded }
    this.#next = (this.#next + 1) % copiesKept
  }
}

const copiesKept = 8

/** From behind, where the keys of two nodes and the moments of two beacons part soonest. */
const isSame = (one: Uint8Array, other: Uint8Array): boolean => {
  let at = one.length
  if (at !== other.length) return false
  while (at > 0 && one[at - 1] === other[at - 1]) at--
  return at === 0
}

const copies = new Copies()

const ourMajor = `${Envelope.major}.`

const networkContext = new TextEncoder().encode("vp2p network")

const protoPattern = /^\d{1,5}\.\d{1,5}$/
const keyPattern = /^[0-9a-f]{16}$/
const networkPattern = /^[0-9a-f]{8}$/

// By hand and not by a Schema, which costs ten times as much: anybody may send any number of these.
const judge = (json: unknown): Beacon | undefined => {
  if (!isRecord(json) || !isRecord(json.cap)) return undefined
  const { cap, node_id: nodeId, nonce, tcp_port: port, ts_ms: sentMillis } = json
  const { full, key, net: network, proto: version } = cap
  if (!isNodeId(nodeId) || !isCount(sentMillis) || !isCount(nonce)) return undefined
  if (!isCount(port) || !Number.isInteger(port) || port < 1 || port > maxPort) return undefined
  if (cap.transport !== "tcp" || !isText(version, protoPattern)) return undefined
  // A member that is there must be right; `undefined` is none, for JSON does not know it.
  if (key !== undefined && !isText(key, keyPattern)) return undefined
  if (network !== undefined && !isText(network, networkPattern)) return undefined
  return {
    nodeId,
    port,
    sentMillis,
    nonce,
    version,
    ...(key === undefined ? {} : { key }),
    ...(network === undefined ? {} : { network }),
    ...(full === "1" ? { full: true } : {})
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0
const isText = (value: unknown, pattern: RegExp): value is string =>
  typeof value === "string" && pattern.test(value)
const isNodeId = (value: unknown): value is NodeId =>
  typeof value === "string" && wrongWith(value) === undefined

// A byte order mark is kept, so that it is seen and refused.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
}
