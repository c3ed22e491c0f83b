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
import { offer } from "./established.js"
import type { Link } from "./link.js"

/** Queues a message for a peer. What can be queued at once costs no wait and no fiber. */
export const send = (
  core: Core,
  peer: PeerId,
  topic: string,
  payload: Uint8Array
): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    const session = core.table.current(peer)
    const link = session === undefined ? undefined : core.links.get(session.conn)
    if (link === undefined || !isOpen(link)) return fail(peer, "NoSession")
    if (payload.length > core.limits.messageBytes) return fail(peer, "MessageTooLong")
    if (!Message.isTopic(topic)) return fail(peer, "BadTopic")
    if (payload.length <= wholeBytes && link.writers === 0 && hasSpace(core, link)) {
      for (const part of Message.parts(topic, payload)) offer(core, link, part)
      return Effect.void
    }
    // The parts are a copy: whoever has to wait for the turn holds none.
    return inTurn(core, link, peer, () => Message.parts(topic, payload))
  })

/** Payloads up to this length are one part, whatever the topic. */
const wholeBytes = Envelope.maxPlain - 2 - Message.maxTopicBytes

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

/** Whether the session is in force; not from the moment on at which its end begins. */
const isOpen = (link: Link): boolean => PeerState.isLive(link.state) && !link.over

const hasSpace = (core: Core, link: Link): boolean => link.outbox.bytes < core.limits.sendQueueSoftBytes

const fail = (peer: PeerId, reason: SendError["reason"]) => Effect.fail(new SendError({ peer, reason }))
