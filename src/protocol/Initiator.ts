/**
 * The handshake of the end that dialled, as a machine: bytes in, decisions and frames out.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Envelope from "./Envelope.js"
import { FrameReader } from "./Frame.js"
import * as Handshake from "./Handshake.js"
import type { Statement } from "./IdentityPayload.js"
import type { KeyPair } from "./KeyPair.js"
import type { Noise } from "./Noise.js"
import type { Session } from "./Session.js"
import * as Stranger from "./Stranger.js"

/** What came of a chunk. @since 0.1.0 */
export type Step = Handshake.More | Handshake.Rejected | Handshake.PeerProven

/**
 * Sends `hello`, is fed what comes, and, once the peer is proven and wanted, sends what `finish` gives.
 *
 * @since 0.1.0
 */
export class Initiator {
  /** The frame to send first. */
  readonly hello: Uint8Array
  readonly #local: Handshake.LocalParty
  readonly #reader = new FrameReader()
  readonly #noise: Noise
  #state: "WaitAck" | "Proven" | "Finished" | Handshake.Rejected = "WaitAck"

  /** `ephemeral` is fresh for each handshake. */
  constructor(local: Handshake.LocalParty, ephemeral: KeyPair) {
    this.#local = local
    this.#noise = Handshake.begin(local, "initiator")
    const { id, type } = Handshake.hello
    this.hello = Envelope.clear(type, id, this.#noise.write(() => new Uint8Array(0), ephemeral))
  }

  /** Takes what the connection brought; the chunk is the caller's again. After a rejection nothing is read any more. */
  receive(chunk: Uint8Array): Step {
    if (typeof this.#state === "object") return this.#state
    this.#reader.push(Buffer.from(chunk))
    if (this.#state !== "WaitAck") return Handshake.more
    const peer = Handshake.readIdentity(this.#noise, this.#reader, "responder")
    if (peer === undefined) return Handshake.more
    if (Either.isLeft(peer)) {
      const stranger = peer.left === "FrameLength" ? Stranger.kindOf(this.#reader.rest()) : undefined
      return this.#state = Handshake.rejected(stranger ?? peer.left)
    }
    this.#state = "Proven"
    return { _tag: "Proven", peer: peer.right }
  }

  /** The commit point, once the peer is proven: the frame to send, and the session to go on with. */
  finish(sequences: Pick<Statement, "connSeq" | "seenSeq">): {
    readonly frame: Uint8Array
    readonly session: Session
  } {
    if (this.#state !== "Proven") throw new Error("the peer is not proven")
    this.#state = "Finished"
    const frame = Handshake.writeIdentity(this.#noise, this.#local, "initiator", sequences)
    return { frame, session: Handshake.establish(this.#noise, this.#reader, this.#local, "initiator") }
  }
}
