/** Pairs of sessions, and frames that no session would write. */
import { readFileSync } from "node:fs"
import * as Limits from "../../src/domain/Limits.js"
import * as Aead from "../../src/protocol/Aead.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import type * as Message from "../../src/protocol/Message.js"
import { type Failure, Session, type SessionOptions, type Sink } from "../../src/protocol/Session.js"
import * as Varint from "../../src/protocol/Varint.js"
import { concat, lent, unhex } from "./bytes.js"

/** One handshake of the published vectors and the frames that follow it. */
export interface VectorCase {
  readonly name: string
  readonly session_id: string
  readonly key_i2r: string
  readonly key_r2i: string
  readonly transport: Readonly<Record<string, string>>
}

const file = new URL("../vectors/vp2p-v2.json", import.meta.url)

export const vectors =
  (JSON.parse(readFileSync(file, "utf8")) as { readonly cases: ReadonlyArray<VectorCase> }).cases

export const nothing: Uint8Array = new Uint8Array(0)

const some: Pick<VectorCase, "session_id" | "key_i2r" | "key_r2i"> = {
  session_id: "aa".repeat(32),
  key_i2r: "01".repeat(32),
  key_r2i: "02".repeat(32)
}

/** Both ends of one session. */
export const pair = (
  keys = some,
  limits: SessionOptions["limits"] = Limits.defaults,
  rest = nothing
): { readonly initiator: Session; readonly responder: Session } => {
  const id = unhex(keys.session_id)
  const toResponder = unhex(keys.key_i2r)
  const toInitiator = unhex(keys.key_r2i)
  return {
    initiator: new Session({
      id,
      role: "initiator",
      sendKey: toResponder,
      receiveKey: toInitiator,
      rest: nothing,
      limits
    }),
    responder: new Session({
      id,
      role: "responder",
      sendKey: toInitiator,
      receiveKey: toResponder,
      rest,
      limits
    })
  }
}

/** What a peer said, a message among it. */
export type SessionEvent = Message.Data | Parameters<Sink["control"]>[0]

/** What came of a chunk: what was said, in order, and how many frames opened. */
export interface Received {
  readonly events: ReadonlyArray<SessionEvent>
  readonly opened: number
  readonly failure?: Failure
}

/** Lets a session take a chunk and collects what it gives. */
export const hear = (session: Session, chunk: Uint8Array, nowMillis = 0): Received => {
  const events: Array<SessionEvent> = []
  const before = session.opened
  const sink: Sink = {
    data: (topic, bytes, start, end) => {
      events.push({ _tag: "Data", topic, payload: bytes.subarray(start, end) })
    },
    joined: (topic, parts) => void events.push({ _tag: "Data", topic, payload: concat(...parts) }),
    control: (event) => void events.push(event)
  }
  const failure = lent(chunk, (bytes) => session.receive(bytes, nowMillis, sink))
  const opened = session.opened - before
  return failure === undefined ? { events, opened } : { events, opened, failure }
}

/** What may be wrong with a frame of the initiator of {@link pair}. */
export interface Forgery {
  readonly id?: number
  readonly counter?: number
  readonly header?: (header: Uint8Array) => void
  readonly length?: Uint8Array
  readonly key?: string
  readonly tail?: Uint8Array
}

/** The initiator's first sealed frame, written by hand, with what the forgery changes; its tag is right all the same. */
export const forge = (type: number, plaintext: Uint8Array, forgery: Forgery = {}): Uint8Array => {
  const header = Envelope.header(type, forgery.id ?? 3, true)
  forgery.header?.(header)
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(4, BigInt(forgery.counter ?? 0), true)
  const sealed = Aead.seal(unhex(forgery.key ?? some.key_i2r), nonce, header, plaintext)
  const length = forgery.length ?? varint(plaintext.length)
  const body = concat(header, nonce, sealed.tag, length, sealed.ciphertext, forgery.tail ?? nothing)
  return concat(varint(body.length), body)
}

const varint = (value: number): Uint8Array => {
  const bytes = new Uint8Array(Varint.size(value))
  Varint.write(bytes, 0, value)
  return bytes
}
