/**
 * The discovery datagram: a line of JSON by which a node says where it listens. It is a hint and proves nothing.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { NodeId } from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import * as Crypto from "./Crypto.js"

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
}

/** Why bytes are no beacon. @since 0.1.0 */
export type Problem = "TooLong" | "NotJson" | "Malformed"

/** Bytes of the longest beacon. @since 0.1.0 */
export const maxBytes = 512

/** The version that this node speaks. @since 0.1.0 */
export const version = "2.0"

/** The digits by which a beacon names a key: the first 16 of the PeerId. @since 0.1.0 */
export const keyOf = (peerId: PeerId): string => peerId.slice(0, 16)

/** The digits by which a beacon names a private network, 8 of a hash of its key. @since 0.1.0 */
export const networkOf = (networkKey: Uint8Array): string =>
  Crypto.hex(Crypto.sha256(networkContext, networkKey)).slice(0, 8)

/** Whether a beacon comes from a node that can be dialled: one of the same major version. @since 0.1.0 */
export const isDiallable = (beacon: Beacon): boolean => beacon.version.startsWith("2.")

/** The one form in which beacons are sent. @since 0.1.0 */
export const encode = (
  { key, network, nodeId, nonce, port, sentMillis, version: proto }: Beacon
): Uint8Array =>
  // The members in the order that the first version has, and no white space.
  new TextEncoder().encode(JSON.stringify({
    node_id: nodeId,
    tcp_port: port,
    ts_ms: sentMillis,
    nonce,
    cap: { transport: "tcp", proto, key, net: network }
  }))

/** A test that costs nothing and that most of what is no beacon fails. @since 0.1.0 */
export const isLikely = (bytes: Uint8Array): boolean => bytes.length <= maxBytes && bytes[0] === 0x7b

/** Decodes a datagram; members that are not known are ignored. Total on any bytes. @since 0.1.0 */
export const decode = (bytes: Uint8Array): Either.Either<Beacon, Problem> => {
  if (bytes.length > maxBytes) return Either.left("TooLong")
  const json = parse(bytes)
  if (json === undefined) return Either.left("NotJson")
  return Either.mapBoth(decodeWire(json), {
    onLeft: () => "Malformed" as const,
    onRight: ({ cap, node_id, nonce, tcp_port, ts_ms }) => ({
      nodeId: node_id,
      port: tcp_port,
      sentMillis: ts_ms,
      nonce,
      version: cap.proto,
      ...(cap.key === undefined ? {} : { key: cap.key }),
      ...(cap.net === undefined ? {} : { network: cap.net })
    })
  })
}

const networkContext = new TextEncoder().encode("vp2p network")

const Count = Schema.JsonNumber.pipe(Schema.nonNegative())
const digits = (count: number) => Schema.String.pipe(Schema.pattern(new RegExp(`^[0-9a-f]{${count}}$`)))

const Wire = Schema.Struct({
  node_id: NodeId,
  tcp_port: Schema.Int.pipe(Schema.between(1, 65_535)),
  ts_ms: Count,
  nonce: Count,
  cap: Schema.Struct({
    transport: Schema.Literal("tcp"),
    proto: Schema.String.pipe(Schema.pattern(/^\d{1,5}\.\d{1,5}$/)),
    key: Schema.optionalWith(digits(16), { exact: true }),
    net: Schema.optionalWith(digits(8), { exact: true })
  })
})

const decodeWire = Schema.decodeUnknownEither(Wire)

// A byte order mark is kept, so that it is seen and refused.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
}
