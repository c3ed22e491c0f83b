/**
 * What both ends of a handshake share: the pattern, the lengths of its messages, and the way to a session.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Limits } from "../domain/Limits.js"
import type { NodeId } from "../domain/NodeId.js"
import type { Reason } from "../domain/Reason.js"
import { keyBytes } from "./Crypto.js"
import * as Envelope from "./Envelope.js"
import type { FrameReader } from "./Frame.js"
import * as IdentityPayload from "./IdentityPayload.js"
import type { KeyPair } from "./KeyPair.js"
import { Noise, type Pattern } from "./Noise.js"
import { Session } from "./Session.js"

export type { Proven } from "./IdentityPayload.js"

/** Our own end. It must not change once it has begun to shake hands: who says something else is another one. @since 0.1.0 */
export interface LocalParty {
  readonly identity: IdentityPayload.Signer
  /** Random per process start, 16 bytes. */
  readonly instance: Uint8Array
  readonly nodeId: NodeId
  /** TCP port; 0 if the node does not listen. */
  readonly listenPort: number
  /** At most 16; keys of 1 to 32 `[a-z0-9._-]`, values of at most 64 printable ASCII characters. */
  readonly capabilities: Readonly<Record<string, string>>
  /** X25519, made at process start. */
  readonly staticKey: KeyPair
  /** The private network's key, 32 bytes; all zeros in the open network. */
  readonly networkKey: Uint8Array
  readonly limits: Pick<Limits, "messageBytes" | "pingsPerSecond" | "ignoredPerSecond">
}

/** The Hello keys that a node remembers, as one inbound connection asks about its own. @since 0.1.0 */
export interface HelloGate {
  /** Whether a Hello with this key must be refused: `SelfConnection`, `Reflection` or `ReplayedHello`. */
  readonly check: (ephemeral: Uint8Array, nowMillis: number) => Reason | undefined
  /** A valid Hello with this key came. */
  readonly remember: (ephemeral: Uint8Array, nowMillis: number) => void
}

/** More bytes are needed, or the other end's turn has not come. @since 0.1.0 */
export interface More {
  readonly _tag: "More"
}

/** The handshake failed; the connection is destroyed without an answer. @since 0.1.0 */
export interface Rejected {
  readonly _tag: "Rejected"
  readonly reason: Reason
}

/** The other end has proven who it is; whether it is wanted is for the driver to decide. @since 0.1.0 */
export interface PeerProven {
  readonly _tag: "Proven"
  readonly peer: IdentityPayload.Proven
}

/** A message of the handshake: its type, its number in its direction, the lengths its frame may have. @since 0.1.0 */
export interface Message {
  readonly type: number
  readonly id: number
  readonly minLength: number
  readonly maxLength: number
}

/** @since 0.1.0 */
export const hello: Message = { type: Envelope.types.Hello, id: 1, minLength: 71, maxLength: 71 }

/** @since 0.1.0 */
export const helloAck: Message = { type: Envelope.types.HelloAck, id: 1, minLength: 255, maxLength: 1_886 }

/** @since 0.1.0 */
export const helloFinish: Message = {
  type: Envelope.types.HelloFinish,
  id: 2,
  minLength: 223,
  maxLength: 1_854
}

/** The one pattern that version 2 speaks. @since 0.1.0 */
export const pattern: Pattern = {
  name: "XXpsk0",
  known: [],
  messages: [["psk", "e"], ["e", "ee", "s", "es"], ["s", "se"]]
}

/** Magic, major version and transport. @since 0.1.0 */
export const prologue: Uint8Array = Uint8Array.of(0x56, 0x50, 0x32, 0x50, 2, 0, 3, 0x74, 0x63, 0x70)

/** @since 0.1.0 */
export const more: More = { _tag: "More" }

/** @since 0.1.0 */
export const rejected = (reason: Reason): Rejected => ({ _tag: "Rejected", reason })

/**
 * The Noise state of one end at the start. Throws a RangeError if the network's key is not 32 bytes.
 *
 * @since 0.1.0
 */
export const begin = (local: LocalParty, role: IdentityPayload.Role): Noise => Prepared.of(local).begin(role)

/** Writes a message that carries our identity, as a whole frame. @since 0.1.0 */
export const writeIdentity = (
  noise: Noise,
  local: LocalParty,
  role: IdentityPayload.Role,
  sequences: IdentityPayload.Sequences,
  ephemeral?: KeyPair
): Uint8Array => {
  const statement = Prepared.of(local).statement()
  const payload = noise.write(
    (hash) => IdentityPayload.complete(statement, sequences, role, hash, local.identity),
    ephemeral
  )
  const { id, type } = role === "initiator" ? helloFinish : helloAck
  return Envelope.clear(type, id, payload)
}

/** Reads the message that carries the identity of the end with that role; nothing while bytes are missing. @since 0.1.0 */
export const readIdentity = (
  noise: Noise,
  reader: FrameReader,
  role: IdentityPayload.Role
): Either.Either<IdentityPayload.Proven, Reason> | undefined => {
  const message = role === "initiator" ? helloFinish : helloAck
  const body = reader.next(message.minLength, message.maxLength)
  if (body === undefined) return undefined
  if (body === "FrameLength") return Either.left(body)
  const payload = readClear(body, message)
  if (typeof payload === "string") return Either.left(payload)
  const opened = noise.read(payload)
  if (typeof opened === "string") return Either.left(opened)
  return IdentityPayload.prove(opened.payload, role, opened.hash)
}

/** Ends the handshake and begins the session, with the bytes that came too early for the one and belong to the other. @since 0.1.0 */
export const establish = (
  noise: Noise,
  reader: FrameReader,
  local: LocalParty,
  role: IdentityPayload.Role
): Session => {
  const { hash, initiatorToResponder, responderToInitiator } = noise.split()
  const [sendKey, receiveKey] = role === "initiator"
    ? [initiatorToResponder, responderToInitiator]
    : [responderToInitiator, initiatorToResponder]
  const session = new Session({
    id: hash,
    role,
    sendKey,
    receiveKey,
    rest: reader.rest(),
    limits: local.limits
  })
  sendKey.fill(0)
  receiveKey.fill(0)
  return session
}

const readClear = (body: Uint8Array, { id, type }: Message): Uint8Array | Reason => {
  const payload = Envelope.readClear(body, type, id)
  if (payload !== "BadHeader") return payload
  // A sealed frame has a sound header; it only cannot come now.
  return Envelope.judgeHeader(body, Envelope.header(type, id, true)) === undefined ? "Unexpected" : payload
}

/** What all handshakes of one party have in common, which is a good part of their hashing. */
class Prepared {
  static readonly #all = new WeakMap<LocalParty, Prepared>()

  static of(local: LocalParty): Prepared {
    const known = Prepared.#all.get(local)
    if (known !== undefined) return known
    const prepared = new Prepared(local)
    Prepared.#all.set(local, prepared)
    return prepared
  }

  readonly #local: LocalParty
  #initiator: Noise | undefined
  #responder: Noise | undefined
  #statement: Uint8Array | undefined

  constructor(local: LocalParty) {
    this.#local = local
  }

  begin(role: IdentityPayload.Role): Noise {
    const first = role === "initiator"
      ? this.#initiator ??= this.#beginning(true)
      : this.#responder ??= this.#beginning(false)
    return first.fork()
  }

  statement(): Uint8Array {
    return this.#statement ??= IdentityPayload.layOut(
      { ...this.#local, minor: Envelope.minor },
      this.#local.identity.publicKey
    )
  }

  #beginning(initiator: boolean): Noise {
    const { networkKey, staticKey } = this.#local
    if (networkKey.length !== keyBytes) {
      throw new RangeError(`networkKey of ${networkKey.length} bytes: expected ${keyBytes} bytes`)
    }
    return new Noise({ pattern, initiator, prologue, staticKey, psks: [networkKey] })
  }
}
