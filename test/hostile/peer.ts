/** Peers that shake hands as they should and then say whatever they like. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import type { LocalParty, Proven } from "../../src/protocol/Handshake.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import type { KeyPair } from "../../src/protocol/KeyPair.js"
import { Responder } from "../../src/protocol/Responder.js"
import type { Session } from "../../src/protocol/Session.js"
import { freshGate, nothing, signer } from "../protocol/parties.js"
import { hear, type SessionEvent } from "../protocol/sessions.js"
import { dial, type Wire } from "./wire.js"

export const fresh = (size = 32): Uint8Array => new Uint8Array(randomBytes(size))

/** A fresh X25519 key. */
export const share = (): KeyPair => NodeEntropy.make.keyAgreement()

/** A party of the open network with fresh keys. */
export const party = (
  own: Partial<Omit<LocalParty, "nodeId">> & { readonly nodeId?: string } = {}
): LocalParty => ({
  identity: signer(fresh()),
  instance: fresh(16),
  listenPort: 0,
  capabilities: {},
  staticKey: share(),
  networkKey: new Uint8Array(32),
  limits: Limits.defaults,
  ...own,
  nodeId: NodeId.make(own.nodeId ?? `peer-${randomBytes(4).toString("hex")}`)
})

/** One end of a session, after its handshake. */
export class Peer {
  readonly wire: Wire
  readonly session: Session
  readonly #heard: Array<SessionEvent> = []
  #chunk: Uint8Array | undefined = nothing

  constructor(wire: Wire, session: Session) {
    this.wire = wire
    this.session = session
  }

  /** Seals and sends a plaintext of any type. */
  say(type: number, plaintext: Uint8Array): Effect.Effect<void> {
    return Effect.suspend(() => this.wire.send(this.session.seal(type, plaintext)))
  }

  /** The next thing the node said; nothing once it has gone. */
  readonly hear: Effect.Effect<SessionEvent | undefined> = Effect.gen(this, function*() {
    while (this.#heard.length === 0) {
      if (this.#chunk === undefined) return undefined
      const { events, failure } = hear(this.session, this.#chunk)
      if (failure !== undefined) {
        return yield* Effect.dieMessage(`the node sent what is wrong: ${failure.reason}`)
      }
      this.#heard.push(...events)
      if (this.#heard.length === 0) this.#chunk = yield* this.wire.read
      else this.#chunk = nothing
    }
    return this.#heard.shift()
  })

  /** Everything the node says until it is gone. */
  readonly rest: Effect.Effect<ReadonlyArray<SessionEvent>> = Effect.gen(this, function*() {
    const all: Array<SessionEvent> = []
    for (let event = yield* this.hear; event !== undefined; event = yield* this.hear) all.push(event)
    return all
  })

  /** Pings and waits until exactly that comes back. */
  readonly ping: Effect.Effect<void> = Effect.gen(this, function*() {
    const data = fresh(8)
    yield* this.say(Envelope.types.Ping, data)
    while (true) {
      const event = yield* this.hear
      if (event === undefined) return yield* Effect.dieMessage("the node is gone")
      if (event._tag === "Pong" && Buffer.compare(event.data, data) === 0) return
    }
  })
}

export interface Sequences {
  readonly connSeq: bigint
  readonly seenSeq: bigint
}

export const first: Sequences = { connSeq: 1n, seenSeq: 0n }

/** Dials the node and goes as far as its HelloAck. */
export const greet = (
  wire: Wire,
  local: LocalParty,
  ephemeral = share()
): Effect.Effect<{ readonly initiator: Initiator; readonly peer: Proven }> =>
  Effect.gen(function*() {
    const initiator = new Initiator(local, ephemeral)
    yield* wire.send(initiator.hello)
    while (true) {
      const chunk = yield* wire.read
      if (chunk === undefined) return yield* Effect.dieMessage("the node left instead of answering")
      const step = initiator.receive(chunk)
      if (step._tag === "Rejected") return yield* Effect.dieMessage(`a bad HelloAck: ${step.reason}`)
      if (step._tag === "Proven") return { initiator, peer: step.peer }
    }
  })

/** Dials the node and completes the handshake; what the node makes of it comes with the first frame. */
export const join = (
  endpoint: Endpoint.Endpoint,
  local: LocalParty = party(),
  sequences: Sequences = first,
  deaf = false
): Effect.Effect<Peer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const wire = yield* dial(endpoint)
    const { initiator } = yield* greet(wire, local)
    const { frame, session } = initiator.finish(sequences)
    if (deaf) wire.socket.pause()
    yield* wire.send(frame)
    return new Peer(wire, session)
  })

/** Answers the node's dial up to its HelloFinish; nothing if the node leaves before. */
export const answer = (wire: Wire, local: LocalParty): Effect.Effect<Peer | undefined> =>
  Effect.gen(function*() {
    const responder = new Responder(local, freshGate())
    while (true) {
      const chunk = yield* wire.read
      if (chunk === undefined) return undefined
      for (
        let step = responder.receive(chunk, 0);
        step._tag !== "More";
        step = responder.receive(nothing, 0)
      ) {
        if (step._tag === "Rejected") {
          return yield* Effect.dieMessage(`the node dials wrongly: ${step.reason}`)
        }
        if (step._tag === "Proven") return new Peer(wire, responder.accept())
        yield* wire.send(responder.reply(share()))
      }
    }
  })
