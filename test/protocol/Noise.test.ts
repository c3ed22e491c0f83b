import { assert, describe, it, vi } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { inspect } from "node:util"
import * as Crypto from "../../src/protocol/Crypto.js"
import * as Handshake from "../../src/protocol/Handshake.js"
import * as IdentityPayload from "../../src/protocol/IdentityPayload.js"
import type { KeyPair } from "../../src/protocol/KeyPair.js"
import { type Keys, Noise, type Opened, type Pattern, type Setup } from "../../src/protocol/Noise.js"
import { flipped, hex, unhex } from "./bytes.js"
import { lowOrderShares } from "./keys.js"
import { bytes, knownAnswers, knownEnd, nothing } from "./parties.js"

const patterns: ReadonlyArray<Pattern> = [
  { name: "NN", known: [], messages: [["e"], ["e", "ee"]] },
  { name: "NNpsk0", known: [], messages: [["psk", "e"], ["e", "ee"]] },
  { name: "NNpsk2", known: [], messages: [["e"], ["e", "ee", "psk"]] },
  { name: "NNpsk0+psk2", known: [], messages: [["psk", "e"], ["e", "ee", "psk"]] },
  { name: "N", known: ["responder"], messages: [["e", "es"]] },
  { name: "NK", known: ["responder"], messages: [["e", "es"], ["e", "ee"]] },
  { name: "NX", known: [], messages: [["e"], ["e", "ee", "s", "es"]] },
  { name: "XN", known: [], messages: [["e"], ["e", "ee"], ["s", "se"]] },
  { name: "XK", known: ["responder"], messages: [["e", "es"], ["e", "ee"], ["s", "se"]] },
  { name: "XX", known: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  { name: "XXpsk3", known: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se", "psk"]] },
  { name: "KK", known: ["initiator", "responder"], messages: [["e", "es", "ss"], ["e", "ee", "se"]] },
  { name: "IK", known: ["responder"], messages: [["e", "es", "s", "ss"], ["e", "ee", "se"]] },
  { name: "IX", known: [], messages: [["e", "s"], ["e", "ee", "se", "s", "es"]] },
  Handshake.pattern
]

interface Secrets {
  readonly staticKey: KeyPair
  readonly ephemeral: KeyPair
  readonly psks: ReadonlyArray<Uint8Array>
}

const keyPairs = bytes(32).map((secret) => Crypto.keyPair("X25519", secret))
const psks = fc.tuple(bytes(32), bytes(32))
const secrets = fc.record({ staticKey: keyPairs, ephemeral: keyPairs })
const text = (content: string): Uint8Array => new TextEncoder().encode(content)

const start = (
  pattern: Pattern,
  mine: Secrets,
  theirs: Secrets,
  initiator: boolean,
  prologue: Uint8Array = nothing
): Noise => {
  const knows = pattern.known.includes(initiator ? "responder" : "initiator")
  const setup: Setup = { pattern, initiator, prologue, staticKey: mine.staticKey, psks: mine.psks }
  return new Noise(knows ? { ...setup, remoteStatic: theirs.staticKey.publicKey } : setup)
}

/** Runs a whole handshake; the payload of message n is the n-th. Gives the first failure, or the keys of both. */
const shake = (
  pattern: Pattern,
  [mine, theirs]: readonly [Secrets, Secrets],
  [a, b]: readonly [Noise, Noise],
  onWire: (message: Uint8Array, index: number) => Uint8Array = (message) => message
): string | readonly [Keys, Keys] => {
  for (const index of pattern.messages.keys()) {
    const [writer, reader, own] = index % 2 === 0 ? [a, b, mine] : [b, a, theirs]
    const sent = writer.write(() => text(`payload ${index}`), own.ephemeral)
    const opened: Opened | string = reader.read(onWire(sent, index))
    if (typeof opened === "string") return opened
    assert.deepStrictEqual(text(`payload ${index}`), Uint8Array.from(opened.payload))
  }
  return [a.split(), b.split()]
}

const fixed = (byte: string, pattern: Pattern): Secrets => ({
  staticKey: Crypto.keyPair("X25519", unhex(byte.repeat(32))),
  ephemeral: Crypto.keyPair("X25519", unhex(`0${byte.slice(1)}`.repeat(32))),
  psks: pattern.messages.flat().filter((token) => token === "psk").map((_, at) =>
    unhex(`${99 - at}`.repeat(32))
  )
})

const fixedEnds = (pattern: Pattern) => [fixed("a1", pattern), fixed("b2", pattern)] as const

describe("any pattern", () => {
  it.each(patterns)("$name gives both ends the same keys and hash", (pattern) =>
    fc.assert(
      fc.property(secrets, secrets, psks, fc.uint8Array(), (one, other, psks, prologue) => {
        const mine = { ...one, psks }
        const theirs = { ...other, psks }
        const ends = [
          start(pattern, mine, theirs, true, prologue),
          start(pattern, theirs, mine, false, prologue)
        ] as const
        const keys = shake(pattern, [mine, theirs], ends)
        if (typeof keys === "string") return assert.fail(keys)
        assert.deepStrictEqual(keys[0], keys[1])
        assert.notDeepEqual(hex(keys[0].initiatorToResponder), hex(keys[0].responderToInitiator))
      }),
      { numRuns: 20 }
    ))

  it.each(patterns.filter(({ messages }) => messages.flat().includes("psk")))(
    "$name fails with different pre-shared keys",
    (pattern) => {
      const [mine, theirs] = fixedEnds(pattern)
      const wrong = { ...theirs, psks: theirs.psks.map((psk) => flipped(psk, 77)) }
      const ends = [start(pattern, mine, wrong, true), start(pattern, wrong, mine, false)] as const
      assert.strictEqual(shake(pattern, [mine, wrong], ends), "DecryptFailed")
    }
  )

  it.each(patterns)("$name fails or disagrees with different prologues", (pattern) => {
    const [mine, theirs] = fixedEnds(pattern)
    const ends = [
      start(pattern, mine, theirs, true, text("a")),
      start(pattern, theirs, mine, false, text("b"))
    ] as const
    assert.strictEqual(shake(pattern, [mine, theirs], ends), "DecryptFailed")
  })

  it.each(patterns)("$name fails on a last message cut or changed", (pattern) => {
    const [mine, theirs] = fixedEnds(pattern)
    const last = pattern.messages.length - 1
    const run = (change: (message: Uint8Array) => Uint8Array) =>
      shake(
        pattern,
        [mine, theirs],
        [start(pattern, mine, theirs, true), start(pattern, theirs, mine, false)],
        (message, index) => index === last ? change(message) : message
      )
    const length = 16 + text(`payload ${last}`).length
    for (let bit = 1; bit <= 8 * length; bit += 5) {
      assert.strictEqual(run((message) => flipped(message, 8 * message.length - bit)), "DecryptFailed")
    }
    for (const cut of [1, 15, 16, length]) {
      assert.strictEqual(run((message) => message.subarray(0, -cut)), "DecryptFailed")
    }
    assert.strictEqual(run(() => nothing), "DecryptFailed")
  })

  it("binds the keys to the pattern's name", () => {
    const [first, second] = [patterns[0], { ...patterns[0], name: "KN" } as Pattern]
    const keys = [first, second].map((pattern) => {
      if (pattern === undefined) throw new Error("no pattern")
      const [mine, theirs] = fixedEnds(pattern)
      return shake(pattern, [mine, theirs], [
        start(pattern, mine, theirs, true),
        start(pattern, theirs, mine, false)
      ])
    })
    assert.isArray(keys[0])
    assert.isArray(keys[1])
    assert.notDeepEqual(keys[0], keys[1])
  })

  it.each(patterns)("$name can be begun many times from one that was prepared", (pattern) => {
    const [mine, theirs] = fixedEnds(pattern)
    const prepared = [start(pattern, mine, theirs, true), start(pattern, theirs, mine, false)] as const
    const plain = shake(pattern, [mine, theirs], [
      start(pattern, mine, theirs, true),
      start(pattern, theirs, mine, false)
    ])
    for (let times = 0; times < 2; times++) {
      const forks = [prepared[0].fork(), prepared[1].fork()] as const
      assert.deepStrictEqual(shake(pattern, [mine, theirs], forks), plain)
      assert.throws(() => forks[0].fork(), /has begun/)
    }
    assert.deepStrictEqual(shake(pattern, [mine, theirs], prepared), plain)
  })

  it("throws on a call out of turn and on a key that was not given", () => {
    const [mine, theirs] = fixedEnds(Handshake.pattern)
    const noise = start(Handshake.pattern, mine, theirs, true)
    assert.throws(() => noise.read(nothing), /turn/)
    assert.throws(() => noise.split(), /not complete/)
    noise.write(() => nothing, mine.ephemeral)
    assert.throws(() => noise.write(() => nothing, mine.ephemeral), /turn/)
    assert.throws(
      () => start(Handshake.pattern, { ...mine, psks: [] }, theirs, true).write(() => nothing),
      /not given/
    )
    assert.throws(() => start(Handshake.pattern, mine, theirs, true).write(() => nothing), /not given/)
  })

  it.each(["e", "s"] as const)(
    "refuses a share of low order as %s, even one that is used only later",
    (place) => {
      const pattern: Pattern = { name: "IX", known: [], messages: [["e", "s"], ["e", "ee", "se", "s", "es"]] }
      const [mine, theirs] = fixedEnds(pattern)
      for (const share of lowOrderShares) {
        const bad = (pair: KeyPair): KeyPair => ({ ...pair, publicKey: share })
        const hostile = place === "e"
          ? { ...mine, ephemeral: bad(mine.ephemeral) }
          : { ...mine, staticKey: bad(mine.staticKey) }
        const ends = [start(pattern, hostile, theirs, true), start(pattern, theirs, mine, false)] as const
        assert.strictEqual(shake(pattern, [hostile, theirs], ends), "BadKeyShare")
      }
    }
  )

  it("keeps no secret after the end", () => {
    const pattern: Pattern = { name: "XX", known: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] }
    const ends = fixedEnds(pattern)
    const made: Array<Uint8Array> = []
    vi.stubGlobal(
      "Uint8Array",
      class extends Uint8Array {
        constructor(length: number) {
          super(length)
          made.push(this)
        }
      }
    )
    const noise = start(pattern, ...ends, true)
    vi.unstubAllGlobals()
    const kept = made.slice()
    assert.lengthOf(kept, 3)
    const keys = shake(pattern, ends, [noise, start(pattern, ends[1], ends[0], false)])
    if (typeof keys === "string") return assert.fail(keys)
    assert.deepStrictEqual(kept.map(hex).filter((text) => /[^0]/.test(text)), [hex(keys[0].hash)])
  })

  it("shows no secret when it is inspected", () => {
    const [mine, theirs] = fixedEnds(Handshake.pattern)
    const noise = start(Handshake.pattern, mine, theirs, true)
    noise.write(() => nothing, mine.ephemeral)
    for (const made of [noise, start(Handshake.pattern, mine, theirs, false).fork()]) {
      const shown = inspect(made, { depth: 20, showHidden: true }) + String(made) + JSON.stringify(made)
      assert.notMatch(shown, /99, ?99|9999|153|a1a1/)
    }
  })
})

describe("the known answers", () => {
  it.each(knownAnswers)("$name: hash and keys after every message", (known) => {
    const [dialler, listener] = [knownEnd(known, "initiator"), knownEnd(known, "responder")]
    const noise = Handshake.begin(dialler.local, "initiator")
    const other = Handshake.begin(listener.local, "responder")
    const opened = other.read(noise.write(() => nothing, dialler.ephemeral))
    assert.strictEqual(typeof opened === "string" ? opened : opened.payload.length, 0)
    assert.strictEqual(hex(noise.hash), known.h_after_hello)
    assert.strictEqual(hex(other.hash), known.h_after_hello)

    const { conn_seq, seen_seq } = known.initiator
    const payloadOf = (end: typeof dialler, role: "initiator" | "responder") => (hash: Uint8Array) =>
      IdentityPayload.encode(
        {
          ...end.local,
          minor: 0,
          connSeq: role === "initiator" ? BigInt(conn_seq) : 0n,
          seenSeq: role === "initiator" ? BigInt(seen_seq) : 0n
        },
        role,
        hash,
        end.local.identity
      )
    assert.isObject(noise.read(other.write(payloadOf(listener, "responder"), listener.ephemeral)))
    assert.strictEqual(hex(noise.hash), known.h_after_helloack)
    assert.isObject(other.read(noise.write(payloadOf(dialler, "initiator"))))
    for (const keys of [noise.split(), other.split()]) {
      assert.strictEqual(hex(keys.hash), known.session_id)
      assert.strictEqual(hex(keys.initiatorToResponder), known.key_i2r)
      assert.strictEqual(hex(keys.responderToInitiator), known.key_r2i)
    }
  })
})
