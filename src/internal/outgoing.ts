/**
 * Messages of the application on their way to a peer: one at a time, part by part, waiting while too much is queued.
 */
import * as Effect from "effect/Effect"
import type { PeerId } from "../domain/PeerId.js"
import * as PeerState from "../domain/PeerState.js"
import * as Envelope from "../protocol/Envelope.js"
import * as Message from "../protocol/Message.js"
import { SendError } from "../services/Node.js"
import type { Core } from "./core.js"
import { offer, offerData } from "./established.js"
import type { Link } from "./link.js"

/** Queues a message for a peer. What can be queued at once costs no wait and no fiber. */
export const send = (
  core: Core,
  peer: PeerId,
  topic: string,
  payload: Uint8Array
): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    const link = linkOf(core, peer)
    if (link === undefined) return fail(peer, "NoSession")
    if (payload.length > core.limits.messageBytes) return fail(peer, "MessageTooLong")
    if (!Message.isTopic(topic)) return fail(peer, "BadTopic")
    if (entersAtOnce(core, link, payload)) {
      enterAtOnce(core, link, topic, payload)
      return Effect.void
    }
    // The parts are a copy: whoever has to wait for the turn holds none.
    return inTurn(core, link, peer, () => Message.parts(topic, payload))
  })

/** The same, one after the other, for messages of one topic; where all of them find space, in one step. */
export const sendAll = (
  core: Core,
  peer: PeerId,
  topic: string,
  payloads: ReadonlyArray<Uint8Array>
): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    let at = 0
    const rest: Effect.Effect<void, SendError> = Effect.suspend(() => {
      const link = linkOf(core, peer)
      if (link === undefined) return fail(peer, "NoSession")
      if (!Message.isTopic(topic)) return fail(peer, "BadTopic")
      for (; at < payloads.length; at++) {
        const payload = payloads[at] ?? nothing
        if (payload.length > core.limits.messageBytes || !entersAtOnce(core, link, payload)) {
          at++
          return Effect.zipRight(send(core, peer, topic, payload), rest)
        }
        enterAtOnce(core, link, topic, payload)
      }
      return Effect.void
    })
    return rest
  })

const nothing = new Uint8Array(0)

/** Payloads up to this length are one part, whatever the topic. */
const wholeBytes = Envelope.maxPlain - 2 - Message.maxTopicBytes

/** Whether nobody is before it and all its parts would find space one after the other. */
const entersAtOnce = (core: Core, link: Link, payload: Uint8Array): boolean =>
  link.writers === 0 && hasSpace(core, link) &&
  (payload.length <= wholeBytes || link.outbox.bytes + payload.length <= core.limits.sendQueueSoftBytes)

const enterAtOnce = (core: Core, link: Link, topic: string, payload: Uint8Array): void => {
  if (payload.length <= wholeBytes) offerData(core, link, topic, payload)
  else for (const part of Message.parts(topic, payload)) offer(core, link, part)
}

const inTurn = (
  core: Core,
  link: Link,
  peer: PeerId,
  parts: () => ReadonlyArray<Uint8Array>
): Effect.Effect<void, SendError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => void link.writers++),
    () =>
      link.turn.withPermits(1)(
        // The parts of a message follow each other: once the first one is in, the others have to come.
        Effect.zipRight(
          space(core, link, peer),
          Effect.uninterruptible(Effect.suspend(() => enter(core, link, peer, parts())))
        )
      ),
    () => Effect.sync(() => void link.writers--)
  )

const enter = (
  core: Core,
  link: Link,
  peer: PeerId,
  parts: ReadonlyArray<Uint8Array>
): Effect.Effect<void, SendError> =>
  Effect.forEach(
    parts,
    (part) => Effect.zipRight(space(core, link, peer), Effect.sync(() => offer(core, link, part))),
    {
      discard: true
    }
  )

/** Returns once there is space; the wait ends with the session, and that is bounded by its send queue's time. */
const space = (core: Core, link: Link, peer: PeerId): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    if (!isOpen(link)) return fail(peer, "NoSession")
    if (hasSpace(core, link)) return Effect.void
    return Effect.zipRight(link.space.await, space(core, link, peer))
  })

/** The connection of the session with a peer, if one is in force. */
const linkOf = (core: Core, peer: PeerId): Link | undefined => {
  const session = core.table.current(peer)
  const link = session === undefined ? undefined : core.links.get(session.conn)
  return link !== undefined && isOpen(link) ? link : undefined
}

/** Whether the session is in force; not from the moment on at which its end begins. */
const isOpen = (link: Link): boolean => PeerState.isLive(link.state) && !link.over

const hasSpace = (core: Core, link: Link): boolean => link.outbox.bytes < core.limits.sendQueueSoftBytes

const fail = (peer: PeerId, reason: SendError["reason"]) => Effect.fail(new SendError({ peer, reason }))
