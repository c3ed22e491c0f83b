/**
 * What a node and a registry say to each other, in JSON.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Candidate } from "../domain/Candidate.js"
import * as Endpoint from "../domain/Endpoint.js"
import * as HintedHost from "../domain/HintedHost.js"
import type { Limits } from "../domain/Limits.js"
import { NodeId } from "../domain/NodeId.js"
import { PeerId } from "../domain/PeerId.js"
import * as Beacon from "./Beacon.js"

const Port = Schema.Int.pipe(Schema.between(1, Endpoint.maxPort))

/** What a node says of itself to be listed, and says again to be listed no more. @since 0.1.0 */
export const Announcement = Schema.Struct({
  node_id: NodeId,
  tcp_port: Port,
  cap: Schema.Struct({ proto: Schema.String, transport: Schema.String }),
  key: PeerId
})

/** @since 0.1.0 */
export type Announcement = typeof Announcement.Type

/** The announcement of a node of this version. @since 0.1.0 */
export const announcement = (nodeId: NodeId, port: number, key: PeerId): Announcement => ({
  node_id: nodeId,
  tcp_port: port,
  cap: { proto: Beacon.version, transport: "tcp" },
  key
})

/** One peer of a list; `key` is missing where the node that announced itself named none. @since 0.1.0 */
export const Entry = Schema.Struct({
  node_id: NodeId,
  host: Schema.String,
  tcp_port: Port,
  key: Schema.optionalWith(PeerId, { exact: true })
})

/** @since 0.1.0 */
export type Entry = typeof Entry.Type

/** Whether the body of an answer says that an announcement was taken. Total on any bytes. @since 0.1.0 */
export const isAcknowledged = (body: Uint8Array): boolean => Option.isSome(decodeAcknowledgement(body))

/**
 * Whether the body of a refusal says that there is no room for an entry, which keeps nobody from asking for those that
 * are there. Not if it could hold more than `maxValues` values of JSON. Total on any bytes.
 *
 * @since 0.1.0
 */
export const isFull = (body: Uint8Array, maxValues: number): boolean =>
  !isDense(body, maxValues) && Option.isSome(decodeFull(body))

/**
 * The entries in the body of an answer, good and bad, or none if it is no list of peers, or one that could hold more
 * than `maxValues` values of JSON. Total on any bytes.
 *
 * @since 0.1.0
 */
export const entries = (body: Uint8Array, maxValues: number): Option.Option<ReadonlyArray<unknown>> =>
  isDense(body, maxValues) ? Option.none() : Option.map(decodeListing(body), ({ peers }) => peers)

/** What a list of peers comes to. @since 0.1.0 */
export interface Harvest {
  /** At most `Limits.registryPeers`, no endpoint twice. */
  readonly candidates: ReadonlyArray<Candidate>
  /** Entries left out: unfit, named before, our own, or more than are taken. */
  readonly skipped: number
}

/**
 * Judges entries one by one: a bad one costs itself alone. `own` is our key, whose entry is no candidate.
 *
 * @since 0.1.0
 */
export const harvest = (
  listed: ReadonlyArray<unknown>,
  own: PeerId,
  limits: Pick<Limits, "registryPeers" | "registryEntries">,
  linkLocal: boolean
): Harvest => {
  const found = new Map<string, Candidate>()
  for (const entry of listed.slice(0, limits.registryEntries)) {
    if (found.size >= limits.registryPeers) break
    const candidate = candidateOf(entry, linkLocal)
    const name = candidate?.endpoint.toString()
    if (candidate !== undefined && name !== undefined && candidate.key !== own && !found.has(name)) {
      found.set(name, candidate)
    }
  }
  return { candidates: [...found.values()], skipped: listed.length - found.size }
}

/**
 * Milliseconds that a `Retry-After` header asks for, in seconds or as a date; none if it is neither. `nowMillis` is
 * the wall clock's.
 *
 * @since 0.1.0
 */
export const retryAfterMillis = (header: string, nowMillis: number): number | undefined => {
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  const date = httpDate.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis)
}

const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const decodeEntry = Schema.decodeUnknownOption(Entry)

const candidateOf = (entry: unknown, linkLocal: boolean): Candidate | undefined => {
  const decoded = Option.getOrUndefined(decodeEntry(entry))
  const host = decoded && HintedHost.parse(decoded.host, linkLocal)
  if (decoded === undefined || host === undefined) return undefined
  const { key, node_id, tcp_port } = decoded
  return { endpoint: Endpoint.make(host, tcp_port), nodeId: node_id, ...(key === undefined ? {} : { key }) }
}

// Every value but the first follows `[`, `{` or a comma. Parsed, half a million empty ones take 50 MB.
const isDense = (body: Uint8Array, maxValues: number): boolean => {
  let values = 1
  for (const byte of body) if (byte === 0x5b || byte === 0x7b || byte === 0x2c) values++
  return values > maxValues
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const decodeBody = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (body: Uint8Array): Option.Option<A> => {
    try {
      return decode(JSON.parse(utf8.decode(body)))
    } catch {
      return Option.none()
    }
  }
}

const decodeAcknowledgement = decodeBody(Schema.Struct({ ok: Schema.Literal(true) }))
const decodeFull = decodeBody(Schema.Struct({ _tag: Schema.Literal("HostFull", "Full") }))
// The entries of a hostile list are not walked through before they are judged: there may be half a million.
const Listed = Schema.declare((value): value is ReadonlyArray<unknown> => Array.isArray(value))
const decodeListing = decodeBody(Schema.Struct({ peers: Listed }))
