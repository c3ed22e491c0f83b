/**
 * A session at work: what is read becomes messages and answers, what waits is sealed and written, and its end.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { classOf, type CloseReason, codeOf } from "../domain/Reason.js"
import * as Envelope from "../protocol/Envelope.js"
import * as Message from "../protocol/Message.js"
import type { Received, Session } from "../protocol/Session.js"
import type { Message as Incoming } from "../services/Node.js"
import type { Connection, TransportError } from "../services/Transport.js"
import { type Core, move, now, publish } from "./core.js"
import { close, drop, type Ending, gone, type Link } from "./link.js"

const nothing = new Uint8Array(0)

/** What a broken socket means for a connection. */
export const broken = (error: TransportError): Ending => gone(error.reason)

/**
 * Hands what a chunk held to whom it concerns. Fails with how the session ends, if it ends by it.
 */
export const receive = (core: Core, link: Link, received: Received): Ending | undefined => {
  if (received.opened > 0) {
    link.lastHeardMillis = now(core)
    link.framesHeard += received.opened
    if (link.state === "Stale") {
      move(core, link, "Connected", "Heard")
      if (link.proven) core.table.moved(link.proven.peerId, link.conn, "Connected", link.lastHeardMillis)
    }
  }
  deliver(core, link, received.events)
  for (const event of received.events) {
    switch (event._tag) {
      case "Data":
        break
      case "Ping":
        control(core, link, Envelope.types.Pong, event.data)
        break
      case "Pong":
        pong(core, link, event.data)
        break
      case "Close":
        return gone(event.reason, event.detail)
      case "Ignored":
        break
    }
  }
  const { failure } = received
  if (failure === undefined) return undefined
  return failure.answer ? close(failure.reason as CloseReason) : drop(failure.reason)
}

/** Reads until the session ends, and says how it ended. What the handshake left over comes first. */
export const read = (
  core: Core,
  link: Link,
  connection: Connection,
  session: Session
): Effect.Effect<Ending> =>
  Effect.gen(function*() {
    let ending = receive(core, link, session.receive(nothing, now(core)))
    while (ending === undefined) {
      const chunk = yield* connection.read
      if (Option.isNone(chunk)) return gone("Truncated")
      ending = receive(core, link, session.receive(chunk.value, now(core)))
    }
    return ending
  }).pipe(Effect.catchTag("TransportError", (error) => Effect.succeed(broken(error))))

/** Writes what waits, everything that has gathered since the last write at once. */
export const write = (
  core: Core,
  link: Link,
  connection: Connection,
  session: Session
): Effect.Effect<Ending> =>
  Effect.gen(function*() {
    while (true) {
      if (link.outbox.bytes === 0) yield* link.work.next()
      yield* connection.write(link.outbox.flush(session, core.limits.sendQueueSoftBytes))
      if (link.outbox.bytes < core.limits.sendQueueSoftBytes) link.space.unsafeOpen()
    }
  }).pipe(Effect.catchTag("TransportError", (error) => Effect.succeed(broken(error))))

/** Queues a Ping or Pong; it does not wait for anything. */
export const control = (core: Core, link: Link, type: number, plaintext: Uint8Array): void => {
  link.outbox.offerControl(type, plaintext, now(core))
  queued(core, link)
}

/** Queues a message in one piece. */
export const offerData = (core: Core, link: Link, topic: string, payload: Uint8Array): void => {
  link.outbox.offerData(topic, payload, () => now(core))
  queued(core, link)
}

/** Queues a Data plaintext. */
export const offer = (core: Core, link: Link, part: Uint8Array): void => {
  link.outbox.offerPart(part, now(core))
  queued(core, link)
}

/** Sends a Ping whose return is measured. */
export const ping = (core: Core, link: Link): Effect.Effect<void> =>
  Effect.map(core.entropy.bytes(8), (data) => {
    link.ping = { data, sentNanos: core.clock.unsafeCurrentTimeNanos() }
    control(core, link, Envelope.types.Ping, data)
  })

/**
 * Says goodbye: what still waits goes out if nobody is to blame, then Close, then the socket drains. Whoever says it
 * limits its time.
 */
export const farewell = (
  link: Link,
  connection: Connection,
  session: Session,
  reason: CloseReason
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const waiting = classOf(reason) === "none" ? link.outbox.flush(session, Number.POSITIVE_INFINITY) : []
    return connection.write([
      ...waiting,
      session.seal(Envelope.types.Close, Message.encodeClose(codeOf(reason), ""))
    ])
  }).pipe(
    Effect.zipRight(connection.end),
    Effect.zipRight(Effect.repeat(connection.read, { until: Option.isNone })),
    Effect.ignore
  )

const queued = (core: Core, link: Link): void => {
  const { bytes } = link.outbox
  if (bytes > core.limits.sendQueueHardBytes) link.end(close("SlowPeer"))
  if (bytes >= core.limits.sendQueueSoftBytes) link.space.unsafeClose()
  link.work.raise()
}

const deliver = (core: Core, link: Link, events: Received["events"]): void => {
  const { proven } = link
  if (proven === undefined) return
  const { nodeId, peerId: from } = proven
  const messages: Array<Incoming> = []
  for (const event of events) {
    if (event._tag === "Data") messages.push({ from, nodeId, topic: event.topic, payload: event.payload })
  }
  if (messages.length > 0) core.messages.deliver(messages)
}

const pong = (core: Core, link: Link, data: Uint8Array): void => {
  const { ping, proven } = link
  if (ping === undefined || proven === undefined || Buffer.compare(ping.data, data) !== 0) return
  link.ping = undefined
  const rttMillis = Number(core.clock.unsafeCurrentTimeNanos() - ping.sentNanos) / 1e6
  link.rttMillis = Option.some(rttMillis)
  publish(core, { ev: "peer.rtt", conn: link.conn, peer: proven.peerId, nodeId: proven.nodeId, rttMillis })
}
