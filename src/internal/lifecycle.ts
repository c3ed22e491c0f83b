/**
 * The life of a connection around its handshake: from the first state to the last, whoever dialled and however it ends.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Endpoint from "../domain/Endpoint.js"
import * as Liveness from "../domain/Liveness.js"
import type { Direction } from "../domain/NodeEvent.js"
import * as PeerState from "../domain/PeerState.js"
import { classOf } from "../domain/Reason.js"
import type { Proven } from "../protocol/Handshake.js"
import { ConnectError } from "../services/Node.js"
import type { Connection, TransportError } from "../services/Transport.js"
import { type Core, describe, gauge, move, now, publish } from "./core.js"
import { died, drop, type Ending, gone, Link } from "./link.js"

/** A connection that has just begun, known to the node from now on. */
export const begin = (core: Core, direction: Direction, endpoint: Endpoint.Endpoint): Link => {
  const link = new Link(++core.connections, direction, endpoint)
  core.links.set(link.conn, link)
  if (direction === "outbound") move(core, link, "Connecting", "Dialling")
  else {
    core.arrivals.set(endpoint.host, now(core))
    move(core, link, "Handshaking", "Accepted")
  }
  return link
}

/**
 * Runs a connection to its end in the fiber that calls, where nothing may interrupt: the handshake, the session, the
 * goodbye. Everything is cleared away when it returns; {@link Link.end} ends what it waits for.
 */
export const run = <R>(
  core: Core,
  link: Link,
  work: () => Effect.Effect<Option.Option<Ending>, TransportError, R>
): Effect.Effect<void, never, R> =>
  Effect.withFiberRuntime((fiber) => {
    link.worker = fiber
    if (link.over) return conclude(core, link, drop("Stopped"))
    return Effect.matchCauseEffect(Effect.interruptible(Effect.suspend(work)), {
      onSuccess: (said) => conclude(core, link, Option.getOrElse(said, () => silent(link))),
      onFailure: (cause) => conclude(core, link, failed(cause))
    })
  })

/** The other end writes no more, though it has not said Close. */
const silent = ({ state }: Link): Ending => gone(PeerState.isLive(state) ? "Truncated" : "RemoteClosed")

const failed = (cause: Cause.Cause<TransportError>): Ending => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  if (error !== undefined) return gone(error.reason)
  return Cause.isInterruptedOnly(cause) ? drop("Stopped") : died(cause)
}

/**
 * Shakes hands on a connection that stands and goes on until the session ends; `begin` gives what is done with the first
 * chunks.
 */
export const converse = (
  core: Core,
  link: Link,
  connection: Connection,
  begin: (core: Core, link: Link, connection: Connection) => Link["stage"]
): Effect.Effect<Option.Option<Ending>, TransportError> => {
  link.connection = connection
  core.deadlines.handshake.begin(link, now(core), () => link.end(drop("HandshakeTimeout")))
  core.stats.increment("handshakes_started")
  link.stage = begin(core, link, connection)
  return connection.receive(link)
}

/** The handshake is complete: the session is in force, and everybody who waits for it learns of it. */
export const establish = (core: Core, link: Link, proven: Proven): void => {
  const at = now(core)
  const { peerId: peer } = proven
  link.lastHeardMillis = at
  link.nextPingMillis = at + core.limits.pingMillis
  link.pingFromMillis = at + Liveness.leastPingMillis(core.limits)
  core.deadlines.handshake.met(link)
  core.table.moved(peer, link.conn, "Connected", at)
  core.lost.delete(peer)
  move(core, link, "Connected", "Established")
  core.stats.increment("handshakes_completed")
  gauge(core)
  if (link.direction === "outbound") {
    core.guard.established(link.endpoint, peer)
    core.guard.peerOpened(peer, link.endpoint)
  } else {
    core.arrivals.delete(link.endpoint.host)
    core.admission.established(link.conn)
    const { listenPort } = proven
    core.guard.peerOpened(
      peer,
      listenPort === 0 ? undefined : Endpoint.make(link.endpoint.host, listenPort)
    )
  }
  link.opened.done(Effect.sync(() => describe(link, proven)))
}

/** The end of a connection, the first one that was given; what was going on is over. */
const conclude = (core: Core, link: Link, last: Ending): Effect.Effect<void> => {
  const ending = link.ending ??= last
  const { defect } = ending
  const end = link.direction === "inbound"
    ? Effect.suspend(() => leave(core, link, ending, 0))
    : Effect.flatMap(core.random.next, (random) => leave(core, link, ending, random))
  const forget = () => {
    core.deadlines.close.met(link)
    core.links.delete(link.conn)
    link.gone.done(Effect.void)
    return Effect.void
  }
  return Effect.matchCauseEffect(
    defect === undefined ? end : Effect.zipRight(report(link, defect), end),
    {
      onFailure: (cause) =>
        // A goodbye that is cut off, or that meets a broken socket, is over like any other.
        Cause.isDie(cause) ? Effect.zipRight(report(link, cause), Effect.suspend(forget)) : forget(),
      onSuccess: forget
    }
  )
}

/** Clears a connection away and says goodbye, if there is one to say. */
const leave = (
  core: Core,
  link: Link,
  ending: Ending,
  random: number
): Effect.Effect<unknown, TransportError> => {
  clear(core, link, ending, random)
  const { exchange } = link
  const { goodbye } = ending
  if (exchange === undefined || goodbye === undefined) return Effect.void
  core.deadlines.close.begin(link, now(core), () => link.hush())
  return Effect.interruptible(exchange.farewell(goodbye))
}

/** A defect ends this connection and no other; it is logged with its cause, by a logger that may have one of its own. */
const report = (link: Link, defect: unknown): Effect.Effect<void> =>
  Effect.logError("a defect ended a connection", Cause.isCause(defect) ? defect : Cause.die(defect)).pipe(
    Effect.annotateLogs({ conn: link.conn, endpoint: link.endpoint.toString() }),
    Effect.catchAllCause(() => Effect.void)
  )

/** Our Hello is not in flight any more. */
export const answered = (core: Core, link: Link): void => {
  if (link.hello !== undefined) core.ephemerals.remove(link.hello)
  link.hello = undefined
}

const clear = (core: Core, link: Link, ending: Ending, random: number): void => {
  if (link.state === "Closed") return
  const { endpoint } = link
  const { reason } = ending
  let retryInMillis = 0
  try {
    retryInMillis = withdraw(core, link, ending, random)
  } finally {
    // Whatever a Witness, a guard or a Stats of somebody else throws, nobody is left waiting.
    // Made only for whoever asks: an error with its stack is dear.
    link.opened.done(Effect.suspend(() => new ConnectError({ endpoint, reason, retryInMillis })))
    link.closed.done(Effect.succeed(retryInMillis))
  }
}

/** Takes a connection out of all tables, and tells of its end; the milliseconds that a redial has to wait. */
const withdraw = (core: Core, link: Link, ending: Ending, random: number): number => {
  const { conn, direction, endpoint, proven, state } = link
  const { reason } = ending
  const wasLive = PeerState.isLive(state)
  answered(core, link)
  core.deadlines.dial.met(link)
  core.deadlines.handshake.met(link)
  core.deadlines.challenge.met(link)
  move(core, link, "Closed", reason, ending)
  core.admission.closed(conn)
  if (direction === "inbound") core.arrivals.delete(endpoint.host)
  if (proven !== undefined) {
    // Although another connection may have taken its place: that one may come to nothing.
    if (wasLive) core.lost.set(proven.peerId, describe(link, proven))
    if (core.table.ended(proven.peerId, conn, now(core))) core.guard.peerClosed(proven.peerId)
  }
  core.stats.ended(reason)
  gauge(core)
  const peer = proven?.peerId
  const wait = direction === "inbound"
    ? Duration.zero
    : wasLive
    ? core.guard.lost(endpoint, reason, random)
    : core.guard.failed(endpoint, reason, random, peer)
  const retryInMillis = Duration.toMillis(wait)
  if (!wasLive) unopened(core, link, ending, retryInMillis)
  return retryInMillis
}

/** Tells that a connection ended before it was a session, unless nobody is to blame. */
const unopened = (core: Core, link: Link, ending: Ending, retryInMillis: number): void => {
  const { conn, proven } = link
  const { detail, reason } = ending
  const endpoint = link.endpoint.toString()
  if (classOf(reason) === "none") return
  if (link.direction === "inbound") {
    const who = proven === undefined ? {} : { peer: proven.peerId, nodeId: proven.nodeId }
    publish(core, { ev: "handshake.rejected", conn, endpoint, reason, ...who })
    return
  }
  const explanation = core.guard.explain(link.endpoint)
  const failures = Option.match(explanation, { onNone: () => 0, onSome: (known) => known.failures })
  publish(core, {
    ev: "dial.failed",
    conn,
    endpoint,
    reason,
    failures,
    retryInMillis,
    ...(detail === undefined ? {} : { detail })
  })
}
