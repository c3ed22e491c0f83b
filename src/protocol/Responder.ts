/**
 * The handshake of the end that was dialled, as a machine: bytes in, decisions and frames out.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Reason } from "../domain/Reason.js"
import * as Crypto from "./Crypto.js"
import * as Envelope from "./Envelope.js"
import { FrameReader } from "./Frame.js"
import * as Handshake from "./Handshake.js"
import type { KeyPair } from "./KeyPair.js"
import type { Noise } from "./Noise.js"
import type { Session } from "./Session.js"
import * as Stranger from "./Stranger.js"

/** A valid Hello came: call `reply` if the budget allows an answer. @since 0.1.0 */
export interface HelloCame {
  readonly _tag: "Hello"
}

/** What came of a chunk. @since 0.1.0 */
export type Step = Handshake.More | Handshake.Rejected | HelloCame | Handshake.PeerProven

/**
 * Is fed what comes, answers a valid Hello by `reply`, and begins the session by `accept` once the peer is proven.
 *
 * @since 0.1.0
 */
export class Responder {
  readonly #local: Handshake.LocalParty
  readonly #gate: Handshake.HelloGate
  readonly #hello = new Uint8Array(helloBytes)
  #helloFilled = 0
  readonly #reader = new FrameReader()
  readonly #noise: Noise
  #state: "WaitHello" | "Hello" | "WaitFinish" | "Proven" | "Accepted" | Handshake.Rejected = "WaitHello"

  constructor(local: Handshake.LocalParty, gate: Handshake.HelloGate) {
    this.#local = local
    this.#gate = gate
    this.#noise = Handshake.begin(local, "responder")
  }

  /** Takes what the connection brought; the chunk is the caller's again. After a rejection nothing is read any more. */
  receive(chunk: Uint8Array, nowMillis: number): Step {
    if (typeof this.#state === "object") return this.#state
    if (this.#state === "WaitHello") return this.#readHello(chunk, nowMillis)
    this.#reader.push(Buffer.from(chunk))
    if (this.#state !== "WaitFinish") return Handshake.more
    const peer = Handshake.readIdentity(this.#noise, this.#reader, "initiator")
    if (peer === undefined) return Handshake.more
    if (Either.isLeft(peer)) return this.#reject(peer.left)
    this.#state = "Proven"
    return { _tag: "Proven", peer: peer.right }
  }

  /** The HelloAck to send. Afterwards `receive` nothing, to go on with what is buffered. */
  reply(ephemeral: KeyPair): Uint8Array {
    if (this.#state !== "Hello") throw new Error("there is no Hello to answer")
    this.#state = "WaitFinish"
    return Handshake.writeIdentity(this.#noise, this.#local, "responder", unnumbered, ephemeral)
  }

  /** The session with the peer that is proven. */
  accept(): Session {
    if (this.#state !== "Proven") throw new Error("the peer is not proven")
    this.#state = "Accepted"
    return Handshake.establish(this.#noise, this.#reader, this.#local, "responder")
  }

  #readHello(chunk: Uint8Array, nowMillis: number): Step {
    const taken = chunk.subarray(0, helloBytes - this.#helloFilled)
    this.#hello.set(taken, this.#helloFilled)
    const begin = this.#helloFilled
    this.#helloFilled += taken.length
    const end = Math.min(this.#helloFilled, helloPrefix.length)
    for (let at = begin; at < end; at++) {
      if (this.#hello[at] !== helloPrefix[at]) {
        return this.#reject(Stranger.kindOf(this.#hello.subarray(0, end)) ?? "BadHeader")
      }
    }
    if (this.#helloFilled < helloBytes) return Handshake.more
    if (taken.length < chunk.length) this.#reader.push(Buffer.from(chunk.subarray(taken.length)))
    const payload = this.#hello.subarray(helloPrefix.length)
    const ephemeral = payload.subarray(0, Crypto.keyBytes)
    const refused = this.#gate.check(ephemeral, nowMillis)
    if (refused !== undefined) return this.#reject(refused)
    const opened = this.#noise.read(payload)
    if (typeof opened === "string") return this.#reject(opened === "DecryptFailed" ? "NotMember" : opened)
    this.#gate.remember(ephemeral, nowMillis)
    this.#state = "Hello"
    return { _tag: "Hello" }
  }

  #reject(reason: Reason): Handshake.Rejected {
    return this.#state = Handshake.rejected(reason)
  }
}

const helloBytes = 1 + Handshake.hello.maxLength
const helloPrefix = Envelope.clear(Handshake.hello.type, Handshake.hello.id, new Uint8Array(48))
  .subarray(0, 24)
const unnumbered = { connSeq: 0n, seenSeq: 0n } as const
