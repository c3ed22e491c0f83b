/**
 * What the rooms of a node share: its settings, its tables, its services, and the ways to tell what happened.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Random from "effect/Random"
import type { Scheduler } from "effect/Scheduler"
import type { Admission } from "../domain/Admission.js"
import type { Limits } from "../domain/Limits.js"
import type { NodeEvent, Untimed } from "../domain/NodeEvent.js"
import type { PeerId } from "../domain/PeerId.js"
import * as PeerState from "../domain/PeerState.js"
import type { PeerTable } from "../domain/PeerTable.js"
import type { Reason } from "../domain/Reason.js"
import type { Ephemerals } from "../protocol/Ephemerals.js"
import type { LocalParty } from "../protocol/Handshake.js"
import type { Knowledge } from "../protocol/IdentityCheck.js"
import type { ConnectionGuard } from "../services/ConnectionGuard.js"
import type { Entropy } from "../services/Entropy.js"
import type { Peer } from "../services/Node.js"
import type { Settings } from "../services/NodeConfig.js"
import type { Stats } from "../services/Stats.js"
import type { Transport } from "../services/Transport.js"
import type { Deadline } from "./deadline.js"
import type { Hub } from "./hub.js"
import type { Ending, Link } from "./link.js"
import type { Nonces } from "./nonces.js"
import type { Received } from "./received.js"

export interface Core {
  readonly settings: Settings
  readonly limits: Limits
  readonly peerId: PeerId
  /** Ourselves, as a peer that may be ourselves is judged by. */
  readonly own: Knowledge["own"]
  /** Its port is known once the node listens. */
  readonly party: LocalParty & { listenPort: number }
  readonly clock: Clock.Clock
  readonly random: Random.Random
  /** Runs what is due at the end of the step at hand. */
  readonly scheduler: Scheduler
  readonly transport: Transport["Type"]
  readonly guard: ConnectionGuard["Type"]
  readonly stats: Stats["Type"]
  readonly entropy: Entropy["Type"]
  readonly nonces: Nonces
  readonly table: PeerTable
  readonly admission: Admission
  readonly ephemerals: Ephemerals<Link>
  /** The connections that have not been cleared away. */
  readonly links: Map<number, Link>
  /** When the last connection came in from a host that shakes hands right now; monotonic milliseconds. */
  readonly arrivals: Map<string, number>
  readonly deadlines: {
    /** From the dial to TCP established. */
    readonly dial: Deadline
    /** From TCP established to Connected. */
    readonly handshake: Deadline
    /** From our Close to the end of what the other end sends. */
    readonly close: Deadline
    /** From the Ping that asks whether the holder of a disputed node id lives to what it says. */
    readonly challenge: Deadline
  }
  /** How the peers looked whose session ended a moment ago. */
  readonly lost: Map<PeerId, Peer>
  readonly events: Hub<NodeEvent>
  readonly messages: Hub<Received>
  /** Sees every event first. */
  readonly witness: (event: NodeEvent) => void
  connections: number
  /** Outbound ones below Connected. */
  dials: number
  stopping: boolean
}

/** Milliseconds of the monotonic clock. */
export const now = ({ clock }: Pick<Core, "clock">): number =>
  Math.floor(Number(clock.unsafeCurrentTimeNanos()) / 1e6)

/** Waits by the node's own clock: to look it up for each wait would cost the fiber a step more. */
export const sleep = ({ clock }: Pick<Core, "clock">, millis: number): Effect.Effect<void> =>
  clock.sleep(Duration.millis(millis))

/** Tells every subscriber of the node's events. The object is theirs from now on, for a copy would be dear. */
export const publish = (core: Core, event: Untimed): void => {
  const timed = event as NodeEvent & { atMillis: number }
  timed.atMillis = core.clock.unsafeCurrentTimeMillis()
  core.witness(timed)
  core.events.publish(timed)
}

/** For what runs beside its caller: nobody waits for it, and a defect that ends it must not go unheard. */
export const heard: <A, E, R>(forks: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect
  .withUnhandledErrorLogLevel(Option.some(LogLevel.Error))

const isDial = (state: PeerState.PeerState): boolean => state === "Connecting" || state === "Handshaking"

/** Takes a connection to its next state and says so. An illegal change is a defect. */
export const move = (
  core: Core,
  link: Link,
  to: PeerState.PeerState,
  reason: Reason,
  ending?: Pick<Ending, "origin" | "detail">
): void => {
  const { exchange, proven, state: from } = link
  if (!PeerState.isLegal(from, to)) {
    throw new Error(`connection ${link.conn} cannot go from ${from} to ${to} (${reason})`)
  }
  link.state = to
  link.reason = reason
  if (link.direction === "outbound") core.dials += Number(isDial(to)) - Number(isDial(from))
  publish(core, {
    ev: "peer.state",
    conn: link.conn,
    direction: link.direction,
    endpoint: link.endpoint.toString(),
    ...(proven === undefined ? {} : { peer: proven.peerId, nodeId: proven.nodeId, trust: link.trust }),
    ...(exchange === undefined || to === "Closed" && from === "Handshaking"
      ? {}
      : { session: exchange.session.idText }),
    from,
    to,
    reason,
    origin: ending?.origin ?? "local",
    ...(ending?.detail === undefined ? {} : { detail: ending.detail })
  })
}

/** Sets the peer gauges to what the table says. */
export const gauge = (core: Core): void => {
  const { connected, total } = core.table.gauges(now(core))
  core.stats.setPeers(total, connected)
}

/** The connection of the session with a peer: the one in force, or our own dial to it that waits for its answer. */
export const linkWith = (core: Core, peer: PeerId): Link | undefined => {
  const session = core.table.current(peer)
  return session === undefined ? undefined : core.links.get(session.conn)
}

/** How a connection with a proven peer is shown to others. */
export const describe = (link: Link, proven: NonNullable<Link["proven"]>): Peer => ({
  id: proven.peerId,
  nodeId: proven.nodeId,
  state: PeerState.isLive(link.state) ? link.state : "Disconnected",
  reason: link.reason,
  trust: link.trust,
  direction: link.direction,
  endpoint: link.endpoint,
  session: link.exchange?.session.idText ?? "",
  capabilities: proven.capabilities,
  rttMillis: link.rttMillis
})
