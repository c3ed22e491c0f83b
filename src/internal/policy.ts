/**
 * What a node decides about a peer that has proven its key: whether it may stay, and which session with it lives.
 */
import * as Option from "effect/Option"
import type { NodeId } from "../domain/NodeId.js"
import type { CloseReason, Reason } from "../domain/Reason.js"
import * as SessionRule from "../domain/SessionRule.js"
import type { Proven } from "../protocol/Handshake.js"
import * as IdentityCheck from "../protocol/IdentityCheck.js"
import { type Core, linkWith, now, publish } from "./core.js"
import { close, died, type Ending, type Link } from "./link.js"
import { nonceBytes } from "./nonces.js"

/** A refusal; `answer` says whether the peer is told by a sealed Close. */
export interface Refusal {
  readonly reason: CloseReason
  readonly answer: boolean
}

/** Checks 5 to 10: who the peer is and whether there is a place for it. Makes the place if need be. */
export const check = (core: Core, link: Link, proven: Proven): Refusal | undefined => {
  const { settings, table } = core
  const outbound = link.direction === "outbound"
  const { allowed, denied, knownPeers, pins } = settings
  const pin = Option.fromNullable(outbound ? pins.get(link.endpoint.toString()) : undefined)
  link.proven = proven
  link.trust = IdentityCheck.trustOf(proven, { pin, knownPeers })
  const place = table.room(proven.peerId, link.direction, link.trust === "pinned")
  const reason = IdentityCheck.check(proven, {
    pin,
    allowed,
    denied,
    knownPeers,
    own: core.own,
    holderOf: table.holderOf,
    room: place.room
  })
  if (reason === undefined) {
    if (place.evict !== undefined) {
      table.evict(place.evict)
      core.links.get(place.evict)?.end(close("TooManyPeers"))
    }
    return undefined
  }
  const answer = IdentityCheck.reactionTo(reason, outbound ? "initiator" : "responder") === "close"
  tellConflict(core, link, proven, reason)
  return { reason, answer }
}

/** How a refused connection ends. Whoever holds the name that it claims has to show that it lives. */
export const refuse = (core: Core, { nodeId }: Proven, ending: Ending): Ending => {
  if (ending.reason === "NodeIdConflict") challenge(core, nodeId)
  return ending
}

/**
 * Decides which session with this peer lives: ends the other one and puts this one into force, or refuses it.
 * `connSeq` is the number whoever dialled gave this connection.
 */
export const settle = (core: Core, link: Link, proven: Proven, connSeq: bigint): Refusal | undefined => {
  const { table } = core
  const { instance, nodeId, peerId: peer, seenSeq } = proven
  const outbound = link.direction === "outbound"
  const decision = outbound
    ? table.decideOwn(peer, instance)
    : table.decide(core.peerId, peer, { instance, connSeq, seenSeq })
  if (decision._tag === "Duplicate") return { reason: "Duplicate", answer: !outbound }
  if (decision.restarted && table.restarted(peer, now(core))) {
    tellConflict(core, link, proven, "DuplicateIdentity")
    return { reason: "DuplicateIdentity", answer: true }
  }
  const old = table.current(peer)
  const session = { conn: link.conn, peer, nodeId, instance, connSeq, pinned: link.trust === "pinned" }
  if (outbound) table.commit(session, now(core))
  else table.accept(session, now(core))
  if (old !== undefined) {
    const reason = outbound ? "Replaced" : SessionRule.goodbye(old, { instance, connSeq, seenSeq })
    core.links.get(old.conn)?.end(close(reason))
  }
  return undefined
}

/** If it is for a name or a key that two nodes have, tells of it, whoever found out. */
export const tellConflict = (
  core: Core,
  { endpoint }: Link,
  { nodeId, peerId: peer }: Proven,
  reason: Reason
): void => {
  if (reason !== "NodeIdConflict" && reason !== "DuplicateIdentity") return
  publish(core, { ev: "id.conflict", nodeId, peer, endpoint: endpoint.toString(), reason })
}

/** The holder of a disputed node id has a moment to show that it lives; one that is gone leaves the name free. */
const challenge = (core: Core, nodeId: NodeId): void => {
  const holder = core.table.holderOf(nodeId)
  const link = holder === undefined ? undefined : linkWith(core, holder)
  const exchange = link?.exchange
  if (link === undefined || exchange === undefined || core.deadlines.challenge.holds(link)) return
  const before = exchange.session.opened
  try {
    exchange.ping(core.entropy.bytes(nonceBytes))
  } catch (defect) {
    return link.end(died(defect))
  }
  core.deadlines.challenge.begin(link, now(core), () => {
    if (exchange.session.opened === before) link.end(close("Stale"))
  })
}
