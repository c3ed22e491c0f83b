/**
 * What happens in a node, as one union: the source of the stats line, the screen, the machine-readable output
 * and every law that is checked on a recording.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Counters } from "./Counters.js"
import { PeerState } from "./PeerState.js"
import { Reason } from "./Reason.js"

const make = <const Name extends string, Fields extends Schema.Struct.Fields>(ev: Name, fields: Fields) =>
  Schema.Struct({
    ev: Schema.Literal(ev),
    /** Wall clock, Unix milliseconds. */
    atMillis: Schema.Number,
    ...fields
  })

// Branded and not checked: an event is told by a node, which has checked them.
const Key = Schema.String.pipe(Schema.brand("vix/PeerId"))
const Id = Schema.String.pipe(Schema.brand("vix/NodeId"))

/** The direction of a connection, as this node sees it. @since 0.1.0 */
export const Direction = Schema.Literal("outbound", "inbound")
/** @since 0.1.0 */
export type Direction = typeof Direction.Type

/** What is known of a peer's key: given with a pin, met before, or merely some key. @since 0.1.0 */
export const Trust = Schema.Literal("pinned", "known", "any")
/** @since 0.1.0 */
export type Trust = typeof Trust.Type

/** Who ended a connection. @since 0.1.0 */
export const Origin = Schema.Literal("local", "remote")
/** @since 0.1.0 */
export type Origin = typeof Origin.Type

/** The node listens: its address, its port and its key. @since 0.1.0 */
export const Listening = make("listening", {
  address: Schema.String,
  port: Schema.Int,
  key: Key
})

/** A wish to dial was judged. `retryInMillis` says when the endpoint may be dialled again. @since 0.1.0 */
export const DialVerdict = make("dial.verdict", {
  endpoint: Schema.String,
  source: Schema.Literal("manual", "automatic", "timed"),
  verdict: Schema.Literal("dial", "deduplicated", "in flight", "backing off", "self", "connected", "limit"),
  retryInMillis: Schema.optionalWith(Schema.Number, { exact: true })
})

/** A dial ended before Connected. @since 0.1.0 */
export const DialFailed = make("dial.failed", {
  conn: Schema.Int,
  endpoint: Schema.String,
  reason: Reason,
  detail: Schema.optionalWith(Schema.String, { exact: true }),
  /** Failures in a row at this endpoint. */
  failures: Schema.Int,
  retryInMillis: Schema.Number
})

/** A connection went from one state to another. @since 0.1.0 */
export const PeerStateChanged = make("peer.state", {
  /** Number of the connection within this process, from 1. */
  conn: Schema.Int,
  direction: Direction,
  /** The other end's address. */
  endpoint: Schema.String,
  /** The peer's key, once it is proven. */
  peer: Schema.optionalWith(Key, { exact: true }),
  /** The peer's node id, once it is proven. */
  nodeId: Schema.optionalWith(Id, { exact: true }),
  trust: Schema.optionalWith(Trust, { exact: true }),
  /** The session's hash, the same at both ends, once Connected. */
  session: Schema.optionalWith(Schema.String, { exact: true }),
  from: PeerState,
  to: PeerState,
  reason: Reason,
  origin: Origin,
  detail: Schema.optionalWith(Schema.String, { exact: true })
})

/** An inbound connection did not become a session. @since 0.1.0 */
export const HandshakeRejected = make("handshake.rejected", {
  conn: Schema.Int,
  endpoint: Schema.String,
  reason: Reason,
  peer: Schema.optionalWith(Key, { exact: true }),
  nodeId: Schema.optionalWith(Id, { exact: true })
})

/** A Ping came back. @since 0.1.0 */
export const PeerRtt = make("peer.rtt", {
  conn: Schema.Int,
  peer: Key,
  nodeId: Id,
  rttMillis: Schema.Number
})

/** Two nodes with one node id, or two with one key. @since 0.1.0 */
export const IdConflict = make("id.conflict", {
  nodeId: Id,
  /** The other node's key. */
  peer: Key,
  endpoint: Schema.String,
  reason: Schema.Literal("NodeIdConflict", "DuplicateIdentity")
})

/** A message of the application came. @since 0.1.0 */
export const MessageReceived = make("message", {
  peer: Key,
  nodeId: Id,
  topic: Schema.String,
  /** The bytes, in base64 where they are printed. */
  payload: Schema.Uint8ArrayFromBase64
})

/** Beacons left: how many datagrams, and by which interfaces. @since 0.1.0 */
export const BeaconSent = make("beacon.sent", {
  datagrams: Schema.Int,
  interfaces: Schema.Array(Schema.String)
})

/** A beacon of another node was heard, or our own. @since 0.1.0 */
export const BeaconReceived = make("beacon.received", {
  nodeId: Id,
  endpoint: Schema.String,
  /** The key, as far as the beacon names it; unproven. */
  key: Schema.optionalWith(Schema.String, { exact: true }),
  own: Schema.Boolean,
  /** Set if it has no place for a stranger, so that nobody dials it for the sake of this beacon. */
  full: Schema.optionalWith(Schema.Literal(true), { exact: true })
})

/** Discovery does not work, or not everywhere; said once for each cause. @since 0.1.0 */
export const BeaconError = make("beacon.error", { reason: Schema.String, detail: Schema.String })

/** The registry answered: candidates taken; entries left out as unfit, repeated or our own. @since 0.1.0 */
export const RegistryOk = make("registry.ok", {
  action: Schema.Literal("announce", "pull", "leave"),
  taken: Schema.Int,
  skipped: Schema.Int
})

/** The registry did not, or not in a way that can be used. @since 0.1.0 */
export const RegistryError = make("registry.error", {
  action: Schema.Literal("announce", "pull", "leave"),
  reason: Schema.String,
  detail: Schema.String,
  retryInMillis: Schema.Number
})

/** The counters, at an interval or because one of the first four changed. @since 0.1.0 */
export const StatsChanged = make("stats", { counters: Counters })

/** A line for people. @since 0.1.0 */
export const Logged = make("log", { level: Schema.String, message: Schema.String })

/** The node began to stop. @since 0.1.0 */
export const Stopping = make("stopping", { cause: Schema.String })

/** The last event: counters as they were before the peers were closed, what ended connections, the exit code. @since 0.1.0 */
export const Final = make("final", {
  counters: Counters,
  /** How often each reason ended a connection or an attempt. */
  reasons: Schema.Record({ key: Schema.String, value: Schema.Int }),
  exitCode: Schema.Int
})

/** All events. @since 0.1.0 */
export const NodeEvent = Schema.Union(
  Listening,
  DialVerdict,
  DialFailed,
  PeerStateChanged,
  HandshakeRejected,
  PeerRtt,
  IdConflict,
  BeaconSent,
  BeaconReceived,
  BeaconError,
  RegistryOk,
  RegistryError,
  MessageReceived,
  StatsChanged,
  Logged,
  Stopping,
  Final
)

/** @since 0.1.0 */
export type NodeEvent = typeof NodeEvent.Type

/** An event before its time is set. @since 0.1.0 */
export type Untimed<E extends NodeEvent = NodeEvent> = E extends NodeEvent ? Omit<E, "atMillis"> : never
