/**
 * Messages of the application on their way to a peer: one at a time, part by part, waiting while too much is queued.
 */
import * as Effect from "effect/Effect"
import type { PeerId } from "../domain/PeerId.js"
import * as PeerState from "../domain/PeerState.js"
import * as Envelope from "../protocol/Envelope.js"
import * as Message from "../protocol/Message.js"
import { SendError } from "../services/Node.js"
import { type Core, linkWith } from "./core.js"
import type { Exchange } from "./exchange.js"
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
    const { exchange } = link
    if (link.writers === 0 && exchange !== undefined && finds(core, link, exchange, payload)) {
      exchange.offerData(topic, payload)
      return Effect.void
    }
    return inTurn(link, wait(link, peer, topic, payload))
  })

/** The same, one after the other, for messages of one topic; in as few steps as there are waits for space. */
export const sendAll = (
  core: Core,
  peer: PeerId,
  topic: string,
  payloads: ReadonlyArray<Uint8Array>
): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    const link = linkOf(core, peer)
    if (link === undefined) return fail(peer, "NoSession")
    if (!Message.isTopic(topic)) return fail(peer, "BadTopic")
    let at = 0
    const rest = (held: boolean): Effect.Effect<void, SendError> =>
      Effect.suspend(() => {
        const { exchange } = link
        if (exchange === undefined || !isOpen(link)) return fail(peer, "NoSession")
        while ((at = exchange.offerShort(topic, payloads, at)) < payloads.length) {
          const payload = payloads[at] ?? nothing
          if (payload.length > core.limits.messageBytes) return fail(peer, "MessageTooLong")
          if (!finds(core, link, exchange, payload)) {
            if (!held) return inTurn(link, rest(true))
            at++
            return Effect.zipRight(wait(link, peer, topic, payload), rest(true))
          }
          exchange.offerData(topic, payload)
          at++
        }
        return Effect.void
      })
    return link.writers === 0 ? rest(false) : inTurn(link, rest(true))
  })

/** Queues a message if that can be done at once, and says whether; what waits is written first, if that makes space. */
export const offer = (core: Core, peer: PeerId, topic: string, payload: Uint8Array): boolean => {
  const { messageBytes, sendQueueHardBytes } = core.limits
  const link = linkOf(core, peer)
  const exchange = link?.exchange
  if (link === undefined || exchange === undefined || link.writers > 0) return false
  if (payload.length > messageBytes || !Message.isTopic(topic)) return false
  if (!finds(core, link, exchange, payload)) {
    const alone = exchange.outbox.bytes === 0 && mostBytes(payload) <= sendQueueHardBytes
    if (!alone || !isOpen(link)) return false
  }
  exchange.offerData(topic, payload)
  return true
}

const nothing = new Uint8Array(0)

/** Payloads up to this length are one part, whatever the topic. */
const wholeBytes = Envelope.maxPlain - 2 - Message.maxTopicBytes

/** As much as all parts of a payload may take in the queue: each has a head of 2 bytes, and the first one the topic. */
const mostBytes = ({ length }: Uint8Array): number =>
  length + Message.maxTopicBytes + 2 * (1 + Math.floor(length / wholeBytes))

/** Whether all its parts would find space one after the other. */
const fits = ({ limits }: Core, exchange: Exchange, payload: Uint8Array): boolean =>
  exchange.hasSpace &&
  (payload.length <= wholeBytes || exchange.outbox.bytes + mostBytes(payload) <= limits.sendQueueSoftBytes)

/** Whether there is space, if need be by writing what waits, which may end the session. */
const finds = (core: Core, link: Link, exchange: Exchange, payload: Uint8Array): boolean => {
  if (fits(core, exchange, payload)) return true
  exchange.flush()
  return isOpen(link) && fits(core, exchange, payload)
}

/** Does something once all writers before it are done. */
const inTurn = (link: Link, effect: Effect.Effect<void, SendError>): Effect.Effect<void, SendError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => void link.writers++),
    () => link.turn.withPermits(1)(effect),
    () => Effect.sync(() => void link.writers--)
  )

/** Queues a message part by part, waiting for space before each. */
const wait = (
  link: Link,
  peer: PeerId,
  topic: string,
  payload: Uint8Array
): Effect.Effect<void, SendError> => {
  let at = 0
  const parts: Effect.Effect<void, SendError> = Effect.suspend(() => {
    if (link.exchange === undefined) return fail(peer, "NoSession")
    at = link.exchange.offerPart(topic, payload, at)
    return at < payload.length ? Effect.zipRight(space(link, peer), parts) : Effect.void
  })
  // The parts of a message follow each other: once the first one is in, the others have to come.
  return Effect.zipRight(space(link, peer), Effect.uninterruptible(parts))
}

/** Returns once there is space; the wait ends with the session, and that is bounded by its send queue's time. */
const space = (link: Link, peer: PeerId): Effect.Effect<void, SendError> =>
  Effect.suspend(() => {
    if (!isOpen(link)) return fail(peer, "NoSession")
    return link.exchange?.hasSpace === true
      ? Effect.void
      : Effect.zipRight(link.space.next(), space(link, peer))
  })

/** The connection of the session with a peer, if one is in force. */
const linkOf = (core: Core, peer: PeerId): Link | undefined => {
  const link = linkWith(core, peer)
  return link !== undefined && isOpen(link) ? link : undefined
}

/** Whether the session is in force; not from the moment on at which its end begins. */
const isOpen = (link: Link): boolean => PeerState.isLive(link.state) && !link.over

const fail = (peer: PeerId, reason: SendError["reason"]) => Effect.fail(new SendError({ peer, reason }))
