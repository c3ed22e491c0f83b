import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Envelope from "../../src/protocol/Envelope.js"
import type { Initiator } from "../../src/protocol/Initiator.js"
import { chunked, concat, flipped, hex, lent, unhex } from "./bytes.js"
import { lowOrderShares, smallOrderKeys } from "./keys.js"
import { answered, type End, initiator, knownAnswers, knownEnd, nothing } from "./parties.js"
import { hear } from "./sessions.js"

const [known] = knownAnswers
if (known === undefined) throw new Error("no known answers")
const dialler = knownEnd(known, "initiator")
const listener = knownEnd(known, "responder")
const helloAck = unhex(known.helloack_frame)
const numbers = { connSeq: 1n, seenSeq: 0n }
const { types } = Envelope

const refuses = (machine: Initiator, bytes: Uint8Array): string => {
  const step = machine.receive(bytes)
  if (step._tag !== "Rejected") return step._tag
  assert.deepStrictEqual(machine.receive(helloAck), step, "nothing is read after a rejection")
  assert.throws(() => machine.finish(numbers))
  return step.reason
}

const toAck = (bytes: Uint8Array): string => refuses(initiator(dialler), bytes)

/** What we say to a responder that is not honest about some part of itself. */
const toHostile = (end: End): string => {
  const dial = initiator(dialler)
  return refuses(dial, answered(end, dial.hello).helloAck)
}

describe("a HelloAck", () => {
  it("is refused with any bit changed", () => {
    for (let bit = 0; bit < 8 * helloAck.length; bit++) {
      const machine = initiator(dialler)
      const first = machine.receive(flipped(helloAck, bit))
      // A greater length has us wait for what must be wrong when it comes.
      const step = first._tag === "More" && bit < 16 ? machine.receive(new Uint8Array(2_000)) : first
      assert.strictEqual(step._tag, "Rejected", `bit ${bit}`)
    }
  })

  it("is awaited while it is incomplete", () => {
    const machine = initiator(dialler)
    for (const byte of helloAck.subarray(0, -1)) {
      assert.strictEqual(machine.receive(Uint8Array.of(byte))._tag, "More")
      assert.throws(() => machine.finish(numbers))
    }
    assert.strictEqual(machine.receive(helloAck.subarray(-1))._tag, "Proven")
  })

  it("cut short or prolonged in a sound frame is refused", () => {
    const payload = helloAck.subarray(26)
    for (let length = 0; length < payload.length; length++) {
      const frame = Envelope.clear(types.HelloAck, 1, payload.subarray(0, length))
      assert.strictEqual(toAck(frame), length < 231 ? "FrameLength" : "DecryptFailed", `${length} bytes`)
    }
    assert.strictEqual(
      toAck(Envelope.clear(types.HelloAck, 1, concat(payload, Uint8Array.of(0)))),
      "DecryptFailed"
    )
  })

  it("with a byte too many behind it ends the session", () => {
    for (const tail of [concat(helloAck, Uint8Array.of(0)), helloAck]) {
      const machine = initiator(dialler)
      assert.strictEqual(lent(tail, (chunk) => machine.receive(chunk)._tag), "Proven")
      assert.strictEqual(lent(Uint8Array.of(1), (chunk) => machine.receive(chunk)._tag), "More")
      const { session } = machine.finish(numbers)
      assert.deepStrictEqual(hear(session, nothing).failure, { reason: "FrameLength", answer: false })
    }
  })

  it("is judged alike however it is cut", () =>
    fc.assert(
      fc.property(fc.array(fc.nat(320), { maxLength: 12 }), (cuts) => {
        const machine = initiator(dialler)
        const steps = chunked(helloAck, cuts).map((chunk) => machine.receive(chunk)._tag)
        assert.deepStrictEqual(steps.filter((tag) => tag !== "More"), ["Proven"])
      }),
      { numRuns: 50 }
    ))

  it("to another Hello is refused", () => {
    const other = initiator({ ...dialler, ephemeral: listener.ephemeral })
    assert.strictEqual(refuses(other, helloAck), "DecryptFailed")
  })

  it("of another network is refused", () => {
    const member = { ...dialler, local: { ...dialler.local, networkKey: unhex("01".repeat(32)) } }
    assert.strictEqual(refuses(initiator(member), helloAck), "DecryptFailed")
  })

  it("with a share of low order is refused, fresh or fixed", () => {
    for (const publicKey of lowOrderShares) {
      const { ephemeral, local } = listener
      assert.strictEqual(
        toHostile({ local, ephemeral: { ...ephemeral, publicKey } }),
        "BadKeyShare",
        hex(publicKey)
      )
      const staticKey = { ...local.staticKey, publicKey }
      assert.strictEqual(
        toHostile({ local: { ...local, staticKey }, ephemeral }),
        "BadKeyShare",
        hex(publicKey)
      )
    }
  })

  it("without a sound identity is refused", () => {
    const { identity } = listener.local
    const lying = (lie: Partial<typeof identity>): End => ({
      ...listener,
      local: { ...listener.local, identity: { ...identity, ...lie } }
    })
    for (const publicKey of smallOrderKeys) {
      assert.strictEqual(toHostile(lying({ publicKey })), "BadIdentityKey", hex(publicKey))
    }
    assert.strictEqual(toHostile(lying({ sign: () => new Uint8Array(64) })), "BadSignature")
    assert.strictEqual(toHostile(lying({ publicKey: dialler.local.identity.publicKey })), "BadSignature")
  })

  const payload = new Uint8Array(300)
  const version1 = Envelope.clear(types.HelloAck, 1, payload)
  version1[6] = 1
  const sealed = concat(unhex("bd02"), Envelope.header(types.Ping, 1, true), new Uint8Array(295))

  it.each<readonly [string, string, Uint8Array]>([
    ["FrameLength", "a length below every HelloAck", unhex("fe01")],
    ["FrameLength", "a length above every HelloAck", unhex("df0e")],
    ["Http", "an HTTP response", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["Ssh", "an SSH banner", new TextEncoder().encode("SSH-2.0-OpenSSH_9.2p1 Debian\r\n")],
    ["Tls", "a TLS alert", unhex("15030100020246")],
    ["FrameLength", "an SMTP greeting", new TextEncoder().encode("220 mail ESMTP\r\n")],
    ["FrameLength", "our own Hello sent back", initiator(dialler).hello],
    ["LegacyPeer", "a frame of version 1", version1],
    ["BadHeader", "another magic", flipped(version1, 16)],
    ["BadHeader", "another number", Envelope.clear(types.HelloAck, 2, payload)],
    ["BadHeader", "unknown flags", flipped(Envelope.clear(types.HelloAck, 1, payload), 8 * 20 + 1)],
    ["BadHeader", "a payload that does not end with its frame", flipped(helloAck, 8 * 24)],
    ["Unexpected", "a Hello", Envelope.clear(types.Hello, 1, payload)],
    ["Unexpected", "a HelloFinish", Envelope.clear(types.HelloFinish, 1, payload)],
    ["Unexpected", "a sealed frame", sealed],
    ["DecryptFailed", "zeros after a sound share", concat(helloAck.subarray(0, 58), new Uint8Array(239))]
  ])("gives way to %s for %s", (reason, _, frame) => assert.strictEqual(toAck(frame), reason))

  it("is finished once", () => {
    const machine = initiator(dialler)
    machine.receive(helloAck)
    assert.strictEqual(hex(machine.finish(numbers).frame), known.hellofinish_frame)
    assert.throws(() => machine.finish(numbers))
  })
})
