import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { inspect } from "node:util"
import * as Envelope from "../../src/protocol/Envelope.js"
import { FrameReader } from "../../src/protocol/Frame.js"
import * as Handshake from "../../src/protocol/Handshake.js"
import type { Proven } from "../../src/protocol/Handshake.js"
import type { Initiator } from "../../src/protocol/Initiator.js"
import type { Responder } from "../../src/protocol/Responder.js"
import type { Session } from "../../src/protocol/Session.js"
import { chunked, concat, hex, lent, unhex } from "./bytes.js"
import {
  answered,
  type End,
  ends,
  initiator,
  knownAnswers,
  knownEnd,
  nothing,
  responder,
  sequences
} from "./parties.js"
import { hear } from "./sessions.js"

const ping = (session: Session): Uint8Array => session.seal(Envelope.types.Ping, unhex("0102030405060708"))

const pong = (session: Session): Uint8Array => session.seal(Envelope.types.Pong, unhex("0102030405060708"))

/** Feeds a machine what the wire brings, piece by piece; gives what it says besides that it needs more. */
const feed = <S extends { readonly _tag: string }>(
  receive: (chunk: Uint8Array) => S,
  pieces: ReadonlyArray<Uint8Array>
): ReadonlyArray<S> => pieces.map((piece) => lent(piece, receive)).filter((step) => step._tag !== "More")

interface Outcome {
  readonly wire: ReadonlyArray<Uint8Array>
  readonly sessions: readonly [Session, Session]
  readonly proven: readonly [Proven | undefined, Proven | undefined]
}

const provenOf = (
  steps: ReadonlyArray<{ readonly _tag: string; readonly peer?: Proven }>
): Proven | undefined => {
  assert.deepStrictEqual(steps.map(({ _tag }) => _tag), ["Proven"])
  return steps[0]?.peer
}

const bytewise = (message: Uint8Array) => Array.from(message, (byte) => Uint8Array.of(byte))

/** A whole handshake between honest ends; `cut` says how the network cuts each message. */
const shake = (
  dialler: Initiator,
  listener: Responder,
  end: End,
  numbers: { readonly connSeq: bigint; readonly seenSeq: bigint },
  cut: (message: Uint8Array) => ReadonlyArray<Uint8Array> = (message) => [message]
): Outcome => {
  const hello = feed((chunk) => listener.receive(chunk, 0), cut(dialler.hello))
  assert.deepStrictEqual(hello, [{ _tag: "Hello" }])
  const helloAck = listener.reply(end.ephemeral)
  assert.deepStrictEqual(listener.receive(nothing, 0), { _tag: "More" })
  const listening = provenOf(feed((chunk) => dialler.receive(chunk), cut(helloAck)))
  const { frame, session } = dialler.finish(numbers)
  const dialling = provenOf(feed((chunk) => listener.receive(chunk, 0), cut(frame)))
  return {
    wire: [dialler.hello, helloAck, frame],
    sessions: [session, listener.accept()],
    proven: [dialling, listening]
  }
}

const assertDescribes = (
  proven: Proven | undefined,
  { local }: End,
  numbers: { connSeq: bigint; seenSeq: bigint }
) => {
  assert.deepStrictEqual(proven === undefined ? undefined : { ...proven, publicKey: hex(proven.publicKey) }, {
    minor: 0,
    publicKey: hex(local.identity.publicKey),
    peerId: hex(local.identity.publicKey) as Proven["peerId"],
    instance: hex(local.instance),
    listenPort: local.listenPort,
    nodeId: local.nodeId,
    capabilities: local.capabilities,
    ...numbers
  })
}

const assertHeard = (from: Session, to: Session) => {
  const { events, failure } = hear(to, ping(from))
  assert.isUndefined(failure)
  assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["Ping"])
}

describe("the known answers", () => {
  it.each(knownAnswers)("$name: every frame, byte for byte, and the session's first frames", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    const { conn_seq, seen_seq } = known.initiator
    const numbers = { connSeq: BigInt(conn_seq), seenSeq: BigInt(seen_seq) }
    const { proven, sessions: [ours, theirs], wire } = shake(
      initiator(dialler),
      responder(listener),
      listener,
      numbers
    )
    assert.deepStrictEqual(wire.map(hex), [known.hello_frame, known.helloack_frame, known.hellofinish_frame])
    assert.strictEqual(ours.idText, known.session_id)
    assert.strictEqual(theirs.idText, known.session_id)
    assertDescribes(proven[0], dialler, numbers)
    assertDescribes(proven[1], listener, { connSeq: 0n, seenSeq: 0n })
    const [event] = hear(ours, unhex(known.transport.r2i_n0_ping)).events
    if (event?._tag !== "Ping") return assert.fail("expected a Ping")
    assert.strictEqual(hex(theirs.seal(Envelope.types.Ping, event.data)), known.transport.r2i_n0_ping)
    assert.strictEqual(hex(ours.seal(Envelope.types.Pong, event.data)), known.transport.i2r_n0_pong)
  })
})

describe("a party", () => {
  const proofs = (dialler: End, listener: End) => {
    const numbers = { connSeq: 1n, seenSeq: 0n }
    const [dialling, listening] = shake(initiator(dialler), responder(listener), listener, numbers).proven
    if (dialling === undefined || listening === undefined) throw new Error("nobody was proven")
    return [dialling, listening] as const
  }

  it.each(knownAnswers)("$name: says what it is, in each of its handshakes", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    const meet = (one: Handshake.LocalParty, other: Handshake.LocalParty) =>
      proofs({ ...dialler, local: one }, { ...listener, local: other })
    const before = meet(dialler.local, listener.local)
    assert.deepStrictEqual(meet(dialler.local, listener.local), before)
    const one = {
      ...dialler.local,
      listenPort: 1_234,
      capabilities: { changed: "yes" },
      instance: unhex("00".repeat(16))
    }
    const other = { ...listener.local, listenPort: 4_321, nodeId: one.nodeId }
    const [dialling, listening] = meet(one, other)
    assert.deepStrictEqual([dialling, listening].map(({ listenPort }) => listenPort), [1_234, 4_321])
    assert.strictEqual(listening.nodeId, one.nodeId)
    assert.deepStrictEqual(dialling.capabilities, { changed: "yes" })
    assert.strictEqual(dialling.instance, "00".repeat(16))
  })

  it.each(knownAnswers)("$name: says nothing that one before it has said, whatever they share", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    const { identity, nodeId, staticKey } = dialler.local
    const says = (local: Handshake.LocalParty) =>
      hex(answered({ ...listener, local }, initiator(dialler).hello).helloAck)
    const changes: ReadonlyArray<Partial<Handshake.LocalParty>> = [
      { listenPort: 4_321 },
      { nodeId },
      { instance: new Uint8Array(16) },
      { identity },
      { capabilities: { changed: "yes" } },
      { staticKey }
    ]
    const said = new Set([says(listener.local)])
    for (const change of changes) {
      const party = { ...listener.local, ...change }
      const now = says(party)
      assert.isFalse(said.has(now), Object.keys(change)[0])
      assert.strictEqual(now, says({ ...party }), Object.keys(change)[0])
      said.add(now)
    }
  })

  it.each(knownAnswers)("$name: leaves the keys of a session to the session alone", (known) => {
    const { ephemeral, local } = knownEnd(known, "initiator")
    const noise = Handshake.begin(local, "initiator")
    const hello = Envelope.clear(Envelope.types.Hello, 1, noise.write(() => nothing, ephemeral))
    const reader = new FrameReader()
    reader.push(answered(knownEnd(known, "responder"), hello).helloAck)
    Handshake.readIdentity(noise, reader, "responder")
    Handshake.writeIdentity(noise, local, "initiator", { connSeq: 1n, seenSeq: 0n })
    const keys = noise.split()
    noise.split = () => keys
    Handshake.establish(noise, reader, local, "initiator")
    for (const key of [keys.initiatorToResponder, keys.responderToInitiator]) {
      assert.deepStrictEqual(key, new Uint8Array(32))
    }
  })

  it.each(knownAnswers)("$name: begins with its own keys, whatever one like it began with", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    const hear = (local: Handshake.LocalParty) =>
      responder({ ...listener, local }).receive(initiator(dialler).hello, 0)
    assert.deepStrictEqual(hear(listener.local), { _tag: "Hello" })
    const stranger = { ...listener.local, networkKey: unhex("42".repeat(32)) }
    assert.deepStrictEqual(hear(stranger), { _tag: "Rejected", reason: "NotMember" })
    const { identity, networkKey, staticKey } = dialler.local
    const local = { ...stranger, identity, networkKey, staticKey }
    const [, listening] = proofs(dialler, { ...listener, local })
    assert.strictEqual(hex(listening.publicKey), hex(identity.publicKey))
  })

  it.each(knownAnswers)("$name: does not begin with a network key of another length", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    for (const size of [0, 31, 33]) {
      const short = (end: End) => ({ ...end, local: { ...end.local, networkKey: new Uint8Array(size) } })
      const text = `networkKey of ${size} bytes: expected 32 bytes`
      assert.throws(() => initiator(short(dialler)), RangeError, text)
      assert.throws(() => responder(short(listener)).receive(initiator(dialler).hello, 0), RangeError, text)
    }
  })
})

describe("two honest ends", () => {
  const networkKeys = fc.constantFrom(new Uint8Array(32), unhex("77".repeat(32)))
  const pairs = networkKeys.chain((key) => fc.tuple(ends(key), ends(key)))

  it("agree on session, keys and each other, however the stream is cut", () =>
    fc.assert(
      fc.property(
        pairs,
        sequences,
        fc.array(fc.nat(400), { maxLength: 8 }),
        ([one, other], numbers, cuts) => {
          const { proven, sessions } = shake(
            initiator(one),
            responder(other),
            other,
            numbers,
            (message) => chunked(message, cuts)
          )
          const [ours, theirs] = sessions
          assert.strictEqual(ours.idText, theirs.idText)
          assertDescribes(proven[0], one, numbers)
          assertDescribes(proven[1], other, { connSeq: 0n, seenSeq: 0n })
          assertHeard(ours, theirs)
          assertHeard(theirs, ours)
        }
      ),
      { numRuns: 100 }
    ))

  const open = knownAnswers.map((known) =>
    [known, knownEnd(known, "initiator"), knownEnd(known, "responder")] as const
  )
  const numbers = { connSeq: 1n, seenSeq: 0n }

  it.each(open)("agree byte by byte", (_, dialler, listener) => {
    const { sessions: [ours, theirs] } = shake(
      initiator(dialler),
      responder(listener),
      listener,
      numbers,
      bytewise
    )
    assertHeard(ours, theirs)
  })

  it.each(open)(
    "leave to the session what comes with the last message of the handshake",
    (_, dialler, listener) => {
      const { helloAck, machine } = answered(listener, initiator(dialler).hello)
      const first = initiator(dialler)
      first.receive(helloAck)
      const { frame, session } = first.finish(numbers)
      const sealed = concat(ping(session), pong(session))
      for (const at of [0, 1, 30, sealed.length]) {
        const fresh = at === 0 ? machine : answered(listener, initiator(dialler).hello).machine
        const step = (bytes: Uint8Array) => lent(bytes, (chunk) => fresh.receive(chunk, 0)._tag)
        assert.strictEqual(step(concat(frame, sealed.subarray(0, at))), "Proven")
        assert.strictEqual(step(sealed.subarray(at)), "More")
        const received = hear(fresh.accept(), nothing)
        assert.deepStrictEqual(received.events.map(({ _tag }) => _tag), ["Ping", "Pong"])
        assert.isUndefined(received.failure)
      }
    }
  )

  it.each(open)("show an observer neither names nor keys", (_, dialler, listener) => {
    const { wire } = shake(initiator(dialler), responder(listener), listener, numbers)
    const seen = hex(concat(...wire))
    for (const { local } of [dialler, listener]) {
      const hidden = [local.identity.publicKey, local.instance, local.staticKey.publicKey]
      for (const bytes of hidden) assert.notInclude(seen, hex(bytes))
      for (const text of Object.entries(local.capabilities).flat()) {
        assert.notInclude(seen, hex(Buffer.from(text)))
      }
    }
  })

  it("hold their keys where inspecting them does not show them", () => {
    for (const [known, dialler, listener] of open) {
      const first = initiator(dialler)
      const second = responder(listener)
      const { sessions } = shake(first, second, listener, numbers)
      const shown = inspect([first, second, sessions], { depth: 20, showHidden: true, maxArrayLength: null })
      for (const secret of [known.psk, known.key_i2r, known.key_r2i].filter((key) => !/^0*$/.test(key))) {
        const listed = [...unhex(secret).subarray(0, 6)]
        assert.notInclude(shown, secret)
        assert.notInclude(shown, listed.join(", "))
        assert.notInclude(shown, hex(Uint8Array.from(listed)).replace(/..(?!$)/g, "$& "))
      }
    }
  })
})
