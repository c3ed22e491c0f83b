/**
 * The life of a connection around its handshake: from the first state to the last, whoever dialled and however it ends.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Endpoint from "../domain/Endpoint.js"
import type { Direction } from "../domain/NodeEvent.js"
import * as PeerState from "../domain/PeerState.js"
import { classOf } from "../domain/Reason.js"
import type { Proven } from "../protocol/Handshake.js"
import type { Session } from "../protocol/Session.js"
import { ConnectError } from "../services/Node.js"
import type { Connection } from "../services/Transport.js"
import { type Core, describe, gauge, move, now, publish } from "./core.js"
import { broken, farewell, read, write } from "./established.js"
import { close, drop, type Ending, gone, Link } from "./link.js"

/** What a handshake leads to. */
export interface Opened {
  readonly connection: Connection
  readonly session: Session
}

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
 * Runs a connection to its end: the handshake, the session's reader and writer, the goodbye. Everything is cleared
 * away when it returns, also when it is interrupted.
 */
export const run = (
  core: Core,
  link: Link,
  handshake: Effect.Effect<Opened, Ending, Scope.Scope>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    // The socket outlives the fibers that read and write it, for the goodbye.
    const socket = yield* Effect.scope
    const ending = yield* Effect.scoped(
      Effect.zipRight(
        Effect.forkScoped(work(core, link, Scope.extend(handshake, socket))),
        Deferred.await(link.ended)
      )
    )
    yield* clear(core, link, ending)
    if (link.connection !== undefined && link.session !== undefined && ending.goodbye !== undefined) {
      yield* guarded(link, farewell(core, link, link.connection, link.session, ending.goodbye))
    }
  }).pipe(
    Effect.scoped,
    Effect.onInterrupt(() => clear(core, link, drop("Stopped"))),
    Effect.ensuring(Effect.sync(() => {
      core.links.delete(link.conn)
      Deferred.unsafeDone(link.gone, Effect.void)
    }))
  )

/** The handshake is complete: the session is in force, and everybody who waits for it learns of it. */
export const establish = (core: Core, link: Link, proven: Proven): Effect.Effect<void> =>
  Effect.gen(function*() {
    const at = now(core)
    const { peerId: peer } = proven
    link.lastHeardMillis = at
    link.nextPingMillis = at + core.limits.pingMillis
    core.table.moved(peer, link.conn, "Connected", at)
    core.lost.delete(peer)
    move(core, link, "Connected", "Established")
    yield* core.stats.increment("handshakes_completed")
    yield* gauge(core)
    if (link.direction === "outbound") {
      yield* core.guard.established(link.endpoint, peer)
      yield* core.guard.peerOpened(peer, link.endpoint)
    } else {
      core.arrivals.delete(link.endpoint.host)
      core.admission.established(link.conn)
      const { listenPort } = proven
      yield* core.guard.peerOpened(
        peer,
        listenPort === 0 ? undefined : Endpoint.make(link.endpoint.host, listenPort)
      )
    }
    Deferred.unsafeDone(link.opened, Effect.succeed(describe(link, proven)))
  }).pipe(Effect.uninterruptible)

/** Reads chunks until the machine that takes them has something to say; what it holds already comes first. */
export const readUntil = <A>(
  connection: Connection,
  take: (chunk: Uint8Array) => A | undefined
): Effect.Effect<A, Ending> =>
  Effect.gen(function*() {
    let answer = take(new Uint8Array(0))
    while (answer === undefined) {
      const chunk = yield* Effect.mapError(connection.read, broken)
      if (Option.isNone(chunk)) return yield* Effect.fail(gone("RemoteClosed"))
      answer = take(chunk.value)
    }
    return answer
  })

const work = (
  core: Core,
  link: Link,
  handshake: Effect.Effect<Opened, Ending>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { connection, session } = yield* handshake
    yield* Effect.forkScoped(Effect.flatMap(guarded(link, write(core, link, connection, session)), end(link)))
    return yield* read(core, link, connection, session)
  }).pipe(
    Effect.merge,
    (ending) => guarded(link, ending),
    Effect.flatMap(end(link))
  )

const end = (link: Link) => (ending: Ending): Effect.Effect<void> => Effect.sync(() => link.end(ending))

/** A defect ends this connection and no other; it is logged with its cause. */
export const guarded = <A, R>(
  link: Link,
  ending: Effect.Effect<A, never, R>
): Effect.Effect<A | Ending, never, R> =>
  Effect.catchAllCause(ending, (cause) =>
    Cause.isInterruptedOnly(cause)
      ? Effect.failCause(cause)
      : Effect.as(
        Effect.annotateLogs(Effect.logError("a defect ended a connection", cause), {
          conn: link.conn,
          endpoint: link.endpoint.toString()
        }),
        close("Internal")
      ))

const clear = (core: Core, link: Link, ending: Ending): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { conn, direction, endpoint, proven, state } = link
    const { reason } = ending
    if (state === "Closed") return
    const wasLive = PeerState.isLive(state)
    move(core, link, "Closed", reason, ending)
    core.admission.closed(conn)
    if (direction === "inbound") core.arrivals.delete(endpoint.host)
    if (proven !== undefined && core.table.ended(proven.peerId, conn, now(core))) {
      if (wasLive) core.lost.set(proven.peerId, describe(link, proven))
      yield* core.guard.peerClosed(proven.peerId)
    }
    yield* core.stats.ended(reason)
    yield* gauge(core)
    const peer = proven?.peerId
    const wait = direction === "inbound"
      ? Duration.zero
      : yield* wasLive ? core.guard.lost(endpoint, reason) : core.guard.failed(endpoint, reason, peer)
    const retryInMillis = Duration.toMillis(wait)
    if (!wasLive) yield* unopened(core, link, ending, retryInMillis)
    // Made only for whoever asks: an error with its stack is dear.
    Deferred.unsafeDone(
      link.opened,
      Effect.suspend(() => new ConnectError({ endpoint, reason, retryInMillis }))
    )
    Deferred.unsafeDone(link.closed, Effect.succeed(retryInMillis))
  }).pipe(Effect.uninterruptible)

/** Tells that a connection ended before it was a session, unless nobody is to blame. */
const unopened = (core: Core, link: Link, ending: Ending, retryInMillis: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { conn, proven } = link
    const { detail, reason } = ending
    const endpoint = link.endpoint.toString()
    if (classOf(reason) === "none") return
    if (link.direction === "inbound") {
      const who = proven === undefined ? {} : { peer: proven.peerId, nodeId: proven.nodeId }
      publish(core, { ev: "handshake.rejected", conn, endpoint, reason, ...who })
      return
    }
    const explanation = yield* core.guard.explain(link.endpoint)
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
  })
