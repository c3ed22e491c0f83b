/**
 * The life of a connection around its handshake: from the first state to the last, whoever dialled and however it ends.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
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

/** Makes interruptible again what is within a region that is not. */
type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

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
export const run = <R>(
  core: Core,
  link: Link,
  handshake: Effect.Effect<Opened, Ending, R>
): Effect.Effect<void, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const worker = yield* Effect.fork(Effect.interruptible(work(core, link, handshake)))
      link.worker = worker
      if (link.over) worker.unsafeInterruptAsFork(FiberId.none)
      const undisturbed = yield* outlive(worker, restore, () => link.end(drop("Stopped")))
      const ending = link.ending ?? drop("Stopped")
      yield* clear(core, link, ending)
      if (undisturbed) yield* part(core, link, ending, restore)
    })
  ).pipe(
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
    core.deadlines.handshake.met(link)
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
): Effect.Effect<A, Ending> => {
  const step = (chunk: Uint8Array): Effect.Effect<A, Ending> => {
    const answer = take(chunk)
    return answer === undefined ? more : Effect.succeed(answer)
  }
  const more = Effect.matchEffect(connection.read, {
    onFailure: (error) => Effect.fail(broken(error)),
    onSuccess: Option.match({ onNone: () => Effect.fail(gone("RemoteClosed")), onSome: step })
  })
  return Effect.suspend(() => step(nothing))
}

const nothing = new Uint8Array(0)

const work = <R>(
  core: Core,
  link: Link,
  handshake: Effect.Effect<Opened, Ending, R>
): Effect.Effect<void, never, R> =>
  until(
    link,
    Effect.flatMap(handshake, ({ connection, session }) =>
      Effect.zipRight(
        Effect.fork(until(link, write(core, link, connection, session))),
        read(core, link, connection, session)
      ))
  )

/** Says goodbye, if there is one to say, within its time limit. */
const part = (core: Core, link: Link, ending: Ending, restore: Restore): Effect.Effect<void> => {
  const { connection, session } = link
  const { goodbye } = ending
  if (connection === undefined || session === undefined || goodbye === undefined) return Effect.void
  return Effect.gen(function*() {
    const speaker = yield* Effect.fork(
      Effect.interruptible(guarded(link, farewell(link, connection, session, goodbye)))
    )
    const stop = () => speaker.unsafeInterruptAsFork(FiberId.none)
    core.deadlines.close.begin(link, now(core), stop)
    yield* outlive(speaker, restore, stop)
    core.deadlines.close.met(link)
  })
}

/** Waits until a fiber is over. Whoever is interrupted meanwhile stops it first, and learns of that by `false`. */
const outlive = <A>(
  fiber: Fiber.RuntimeFiber<A>,
  restore: Restore,
  stop: () => void
): Effect.Effect<boolean> => {
  const over = Effect.async<void>((resume) => fiber.addObserver(() => resume(Effect.void)))
  return Effect.matchCauseEffect(restore(over), {
    onSuccess: () => Effect.succeed(true),
    onFailure: () => {
      stop()
      return Effect.as(over, false)
    }
  })
}

/** Ends the connection as an effect ends. */
const until = <R>(
  link: Link,
  ending: Effect.Effect<Ending, Ending, R>
): Effect.Effect<void, never, R> =>
  Effect.matchCauseEffect(ending, {
    onSuccess: (ending) => Effect.sync(() => link.end(ending)),
    onFailure: (cause) =>
      Either.match(Cause.failureOrCause(cause), {
        onLeft: (ending) => Effect.sync(() => link.end(ending)),
        onRight: (cause) => Effect.map(died(link, cause), (ending) => link.end(ending))
      })
  })

/** A defect ends this connection and no other; it is logged with its cause. */
export const guarded = <A, R>(
  link: Link,
  effect: Effect.Effect<A, never, R>
): Effect.Effect<A | Ending, never, R> => Effect.catchAllCause(effect, (cause) => died(link, cause))

const died = (link: Link, cause: Cause.Cause<never>): Effect.Effect<Ending> =>
  Cause.isInterruptedOnly(cause)
    ? Effect.failCause(cause)
    : Effect.as(
      Effect.annotateLogs(Effect.logError("a defect ended a connection", cause), {
        conn: link.conn,
        endpoint: link.endpoint.toString()
      }),
      close("Internal")
    )

const clear = (core: Core, link: Link, ending: Ending): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { conn, direction, endpoint, proven, state } = link
    const { reason } = ending
    if (state === "Closed") return
    const wasLive = PeerState.isLive(state)
    core.deadlines.dial.met(link)
    core.deadlines.handshake.met(link)
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
  })

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
