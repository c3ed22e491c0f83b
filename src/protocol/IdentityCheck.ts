/**
 * Whether we want a peer that has proven its identity: checks 5 to 10 of the protocol, and what is done about each.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type { Trust } from "../domain/NodeEvent.js"
import type { NodeId } from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import type { CloseReason } from "../domain/Reason.js"
import type { Proven, Role } from "./IdentityPayload.js"

/** What a node knows when it judges a peer. @since 0.1.0 */
export interface Knowledge {
  /** Ourselves; the instance in hexadecimal. */
  readonly own: { readonly peerId: PeerId; readonly instance: string; readonly nodeId: NodeId }
  /** The only key that this dial accepts, if it names one. */
  readonly pin: Option.Option<PeerId>
  readonly denied: ReadonlySet<PeerId>
  /** The only keys that are let in, if given. */
  readonly allowed: Option.Option<ReadonlySet<PeerId>>
  /** The keys that node ids are known by. */
  readonly knownPeers: ReadonlyMap<NodeId, PeerId>
  /** The live peer that holds a node id. */
  readonly holderOf: (nodeId: NodeId) => PeerId | undefined
  /** Whether there is a place for this peer, if need be by eviction. */
  readonly room: boolean
}

/**
 * The first of checks 5 to 10 that a peer fails; nothing if it is welcome.
 *
 * @since 0.1.0
 */
export const check = (peer: Proven, knowledge: Knowledge): CloseReason | undefined => {
  const { allowed, denied, knownPeers, own, pin, room } = knowledge
  const other = (holder: PeerId | undefined) => holder !== undefined && holder !== peer.peerId
  if (peer.peerId === own.peerId) {
    return peer.instance === own.instance ? "SelfConnection" : "DuplicateIdentity"
  }
  if (other(Option.getOrUndefined(pin))) return "IdentityMismatch"
  if (denied.has(peer.peerId)) return "NotAllowed"
  if (Option.isSome(allowed) && !allowed.value.has(peer.peerId)) return "NotAllowed"
  if (other(knownPeers.get(peer.nodeId))) return "IdentityMismatch"
  if (peer.nodeId === own.nodeId || other(knowledge.holderOf(peer.nodeId))) return "NodeIdConflict"
  return room ? undefined : "TooManyPeers"
}

/** What is known of a peer that passed: its key was given with a pin, it was met before, or it is some key. @since 0.1.0 */
export const trustOf = (peer: Proven, knowledge: Pick<Knowledge, "pin" | "knownPeers">): Trust => {
  if (Option.contains(knowledge.pin, peer.peerId)) return "pinned"
  return knowledge.knownPeers.get(peer.nodeId) === peer.peerId ? "known" : "any"
}

/**
 * What is done with a peer that failed a check. A responder always says why. An initiator leaves without a word,
 * except where the other end's people should be warned too: then it finishes the handshake to be able to say so.
 *
 * @since 0.1.0
 */
export const reactionTo = (reason: CloseReason, role: Role): "destroy" | "close" => {
  if (role === "responder") return "close"
  return conflicts.has(reason) ? "close" : "destroy"
}

const conflicts: ReadonlySet<CloseReason> = new Set(["SelfConnection", "DuplicateIdentity", "NodeIdConflict"])
