import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Limits from "../../src/domain/Limits.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import { Ephemerals } from "../../src/protocol/Ephemerals.js"
import * as Handshake from "../../src/protocol/Handshake.js"
import { Responder } from "../../src/protocol/Responder.js"
import { chunked, concat, flipped, hex, lent, unhex } from "./bytes.js"
import { lowOrderShares } from "./keys.js"
import {
  answered,
  bytes,
  type End,
  freshGate,
  initiator,
  knownAnswers,
  knownEnd,
  nothing,
  responder
} from "./parties.js"
import { hear } from "./sessions.js"

const [known] = knownAnswers
if (known === undefined) throw new Error("no known answers")
const dialler = knownEnd(known, "initiator")
const listener = knownEnd(known, "responder")
const hello = unhex(known.hello_frame)
const finish = unhex(known.hellofinish_frame)
const { types } = Envelope

const refuses = (machine: Responder, bytes: Uint8Array): string => {
  const step = machine.receive(bytes, 0)
  if (step._tag !== "Rejected") return step._tag
  assert.deepStrictEqual(machine.receive(hello, 0), step, "nothing is read after a rejection")
  assert.throws(() => machine.reply(listener.ephemeral))
  assert.throws(() => machine.accept())
  return step.reason
}

const toHello = (bytes: Uint8Array): string => refuses(responder(listener), bytes)

const toFinish = (bytes: Uint8Array): string => refuses(answered(listener, hello).machine, bytes)

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const prefix = unhex("475650325002000000010001000000000000000000000030")

describe("a Hello", () => {
  it("has the prefix of the protocol", () => assert.strictEqual(hex(hello.subarray(0, 24)), hex(prefix)))

  it("is refused with any bit changed", () => {
    for (let bit = 0; bit < 8 * hello.length; bit++) {
      const expected = bit >= 8 * 24 ? "NotMember" : "BadHeader"
      const reason = toHello(flipped(hello, bit))
      assert.isTrue(reason === expected || (bit < 8 * 24 && reason === "LegacyPeer"), `bit ${bit}: ${reason}`)
    }
  })

  it("is awaited while it is incomplete", () => {
    for (let length = 0; length < hello.length; length++) {
      assert.strictEqual(toHello(hello.subarray(0, length)), "More")
    }
  })

  it("is refused at the first wrong byte of its prefix", () => {
    for (let at = 0; at < prefix.length; at++) {
      const machine = responder(listener)
      for (const byte of prefix.subarray(0, at)) {
        assert.strictEqual(machine.receive(Uint8Array.of(byte), 0)._tag, "More")
      }
      assert.strictEqual(refuses(machine, flipped(prefix, 8 * at + 6).subarray(at, at + 1)), "BadHeader")
    }
  })

  const original = unhex(
    "485650325001000000010001000000000000000000000031e9078098c59fe231066e6f64652d6100200a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
  )
  const longOriginal = concat(Uint8Array.of(0xc8, 0x01), original.subarray(1), new Uint8Array(128))
  const sameLength = concat(Uint8Array.of(0x47), original.subarray(1))

  it.each<readonly [string, string, Uint8Array, number]>([
    ["LegacyPeer", "a Hello of version 1", original, 7],
    ["LegacyPeer", "one of version 1 with a longer length", longOriginal, 8],
    ["LegacyPeer", "one of version 1 with the length of ours", sameLength, 7],
    ["Http", "a GET", ascii("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 4],
    ["Http", "a POST", ascii("POST /announce HTTP/1.1\r\n\r\n"), 5],
    ["Http", "the preface of HTTP/2", ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 4],
    ["Tls", "a TLS ClientHello", unhex("1603010200010001fc0303"), 2],
    ["Ssh", "an SSH banner", ascii("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), 4],
    ["BadHeader", "the beginning of a word", ascii("GETTING"), 7],
    ["BadHeader", "a frame of version 3", flipped(sameLength, 41), 24],
    ["BadHeader", "line noise", unhex("deadbeefdeadbeef"), 8]
  ])("names %s for %s, as soon as what came with the first wrong byte tells", (kind, _, stream, telling) => {
    const rightBytes = [...stream].findIndex((byte, at) => byte !== prefix[at])
    for (let length = 1; length <= stream.length; length++) {
      const expected = length <= rightBytes ? "More" : length < telling ? "BadHeader" : kind
      assert.strictEqual(toHello(stream.subarray(0, length)), expected, `${length} bytes`)
    }
  })

  it("is judged alike however it is cut, if it is sound", () =>
    fc.assert(fc.property(fc.array(fc.nat(80), { maxLength: 20 }), (cuts) => {
      const machine = responder(listener)
      const steps = chunked(hello, cuts).map((chunk) => machine.receive(chunk, 0)._tag)
      assert.deepStrictEqual(steps.filter((tag) => tag !== "More"), ["Hello"])
    })))

  it("is not found in garbage", () =>
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), (garbage) => {
      fc.pre(garbage[0] !== prefix[0])
      assert.notInclude(["More", "Hello"], toHello(garbage))
    })))

  it("of another network is refused as NotMember, whatever its key share", () =>
    fc.assert(fc.property(bytes(32), fc.option(fc.constantFrom(...lowOrderShares)), (networkKey, share) => {
      fc.pre(hex(networkKey) !== known.psk)
      const ephemeral = { ...dialler.ephemeral, publicKey: share ?? dialler.ephemeral.publicKey }
      const stranger = initiator({ ephemeral, local: { ...dialler.local, networkKey } })
      assert.strictEqual(toHello(stranger.hello), "NotMember")
    })))

  it("with a share of low order is refused before it is answered", () => {
    for (const publicKey of lowOrderShares) {
      const hostile = initiator({ ...dialler, ephemeral: { ...dialler.ephemeral, publicKey } })
      assert.strictEqual(toHello(hostile.hello), "BadKeyShare", hex(publicKey))
    }
  })

  it("is accepted once, also on other connections, until it is forgotten", () => {
    const seen = new Ephemerals<string>(Limits.defaults)
    const at = (nowMillis: number) => {
      const machine = new Responder(listener.local, seen.gate(() => false))
      const step = machine.receive(hello, nowMillis)
      return step._tag === "Rejected" ? step.reason : step._tag
    }
    assert.strictEqual(at(0), "Hello")
    assert.strictEqual(at(1), "ReplayedHello")
    assert.strictEqual(at(119_999), "ReplayedHello")
    assert.strictEqual(at(120_000), "Hello")
  })

  it("is remembered only if it is valid", () => {
    const seen = new Ephemerals<string>(Limits.defaults)
    const step = new Responder(listener.local, seen.gate(() => false)).receive(flipped(hello, 8 * 71), 0)
    assert.strictEqual(step._tag, "Rejected")
    assert.strictEqual(seen.remembered, 0)
  })

  it.each(["SelfConnection", "Reflection"] as const)("of our own is refused: %s", (reason) => {
    const own = new Ephemerals<string>(Limits.defaults)
    own.add(dialler.ephemeral.publicKey, "a dial")
    const machine = new Responder(listener.local, own.gate(() => reason === "SelfConnection"))
    assert.strictEqual(refuses(machine, hello), reason)
  })
})

describe("a HelloFinish", () => {
  it("is refused with any bit changed", () => {
    for (let bit = 0; bit < 8 * finish.length; bit++) {
      const { machine } = answered(listener, hello)
      const first = machine.receive(flipped(finish, bit), 0)
      // A greater length has us wait for what must be wrong when it comes.
      const step = first._tag === "More" && bit < 16 ? machine.receive(new Uint8Array(2_000), 0) : first
      assert.strictEqual(step._tag, "Rejected", `bit ${bit}`)
    }
  })

  it("is awaited while it is incomplete", () => {
    const { machine } = answered(listener, hello)
    for (const byte of finish.subarray(0, -1)) {
      assert.strictEqual(machine.receive(Uint8Array.of(byte), 0)._tag, "More")
    }
    assert.strictEqual(machine.receive(finish.subarray(-1), 0)._tag, "Proven")
  })

  it("cut short or prolonged in a sound frame is refused", () => {
    const payload = finish.subarray(26)
    for (let length = 0; length < payload.length; length++) {
      const frame = Envelope.clear(types.HelloFinish, 2, payload.subarray(0, length))
      assert.strictEqual(toFinish(frame), length < 199 ? "FrameLength" : "DecryptFailed", `${length} bytes`)
    }
    assert.strictEqual(
      toFinish(Envelope.clear(types.HelloFinish, 2, concat(payload, Uint8Array.of(0)))),
      "DecryptFailed"
    )
  })

  it("after a byte too many is refused, and so is the session after one behind it", () => {
    for (let byte = 0; byte < 256; byte++) {
      const early = responder(listener)
      assert.strictEqual(early.receive(concat(hello, Uint8Array.of(byte)), 0)._tag, "Hello")
      early.reply(listener.ephemeral)
      assert.strictEqual(refuses(early, byte < 0x80 ? nothing : finish), "FrameLength")
    }
    const { machine } = answered(listener, hello)
    assert.strictEqual(machine.receive(concat(finish, Uint8Array.of(0)), 0)._tag, "Proven")
    assert.deepStrictEqual(hear(machine.accept(), nothing).failure, {
      reason: "FrameLength",
      answer: false
    })
  })

  it("of another session is refused", () => {
    const other = { ...dialler, ephemeral: listener.ephemeral }
    const dial = initiator(other)
    dial.receive(answered(listener, dial.hello).helloAck)
    const { frame } = dial.finish({ connSeq: 1n, seenSeq: 0n })
    assert.strictEqual(toFinish(frame), "DecryptFailed")
    const again = responder(listener)
    again.receive(hello, 0)
    again.reply(dialler.ephemeral)
    assert.strictEqual(refuses(again, finish), "DecryptFailed")
  })

  it("with a static key of low order is refused", () => {
    for (const publicKey of lowOrderShares) {
      const staticKey = { ...dialler.local.staticKey, publicKey }
      const hostile = initiator({ ...dialler, local: { ...dialler.local, staticKey } })
      const { helloAck, machine } = answered(listener, hostile.hello)
      hostile.receive(helloAck)
      const { frame } = hostile.finish({ connSeq: 1n, seenSeq: 0n })
      assert.strictEqual(refuses(machine, frame), "BadKeyShare", hex(publicKey))
    }
  })

  it("without a sound identity is refused", () => {
    const hostile = (identity: End["local"]["identity"], connSeq: bigint): string => {
      const dial = initiator({ ...dialler, local: { ...dialler.local, identity } })
      const { helloAck, machine } = answered(listener, dial.hello)
      dial.receive(helloAck)
      return refuses(machine, dial.finish({ connSeq, seenSeq: 0n }).frame)
    }
    const { identity } = dialler.local
    assert.strictEqual(hostile(identity, 0n), "Malformed")
    assert.strictEqual(hostile({ ...identity, sign: () => new Uint8Array(64) }, 1n), "BadSignature")
    assert.strictEqual(hostile({ ...identity, publicKey: unhex("00".repeat(32)) }, 1n), "BadIdentityKey")
  })

  const payload = new Uint8Array(300)
  const version1 = Envelope.clear(types.HelloFinish, 2, payload)
  version1[6] = 1
  const sealed = concat(unhex("bd02"), Envelope.header(types.Ping, 2, true), new Uint8Array(295))
  const notMinimal = concat(
    unhex("f901"),
    Envelope.header(types.HelloFinish, 2, false),
    unhex("dd8100"),
    payload
  )

  it.each<readonly [string, string, Uint8Array]>([
    ["FrameLength", "a length below every HelloFinish", unhex("de01")],
    ["FrameLength", "a length above every HelloFinish", unhex("bf0e")],
    ["FrameLength", "a length that is not minimal", unhex("f78100")],
    ["FrameLength", "a length without end", unhex("ffffff")],
    ["FrameLength", "the same Hello again", hello],
    ["LegacyPeer", "a frame of version 1", version1],
    ["BadHeader", "another magic", flipped(version1, 16)],
    ["BadHeader", "another number", Envelope.clear(types.HelloFinish, 1, payload)],
    ["BadHeader", "unknown flags", flipped(Envelope.clear(types.HelloFinish, 2, payload), 8 * 20 + 1)],
    ["BadHeader", "a payload length that is not minimal", notMinimal.subarray(0, 2 + 249)],
    ["Unexpected", "a Hello", Envelope.clear(types.Hello, 2, payload)],
    ["Unexpected", "a HelloAck", Envelope.clear(types.HelloAck, 2, payload)],
    ["Unexpected", "a sealed frame", sealed],
    ["DecryptFailed", "zeros", Envelope.clear(types.HelloFinish, 2, payload)]
  ])("gives way to %s for %s", (reason, _, frame) => assert.strictEqual(toFinish(frame), reason))

  it("names the first thing wrong with a frame, in the order of judgement", () => {
    const wrongType = Envelope.clear(types.Hello, 2, payload)
    const badLengthToo = flipped(wrongType, 8 * 24)
    const badNumberToo = flipped(badLengthToo, 8 * 12 + 7)
    assert.strictEqual(toFinish(badLengthToo), "Unexpected")
    assert.strictEqual(toFinish(badNumberToo), "BadHeader")
    assert.strictEqual(toFinish(concat(unhex("de01"), badNumberToo.subarray(2))), "FrameLength")
  })

  it("is not taken before its turn: what came early waits for the reply", () => {
    const machine = new Responder(listener.local, freshGate())
    const step = (bytes: Uint8Array) => lent(bytes, (chunk) => machine.receive(chunk, 0)._tag)
    assert.strictEqual(step(concat(hello, finish.subarray(0, 9))), "Hello")
    assert.strictEqual(step(finish.subarray(9)), "More")
    assert.throws(() => machine.accept())
    assert.strictEqual(hex(machine.reply(listener.ephemeral)), known.helloack_frame)
    assert.throws(() => machine.reply(listener.ephemeral))
    assert.strictEqual(machine.receive(nothing, 0)._tag, "Proven")
  })

  it("has the lengths of the protocol's table", () => {
    const fixed = 22 + 2 + 48 + 16
    assert.deepStrictEqual([Handshake.helloFinish.minLength, Handshake.helloFinish.maxLength], [
      fixed + 135,
      fixed + 1_766
    ])
  })
})
