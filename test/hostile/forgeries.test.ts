/** Identities that no node of ours would send. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Reason } from "../../src/domain/Reason.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Handshake from "../../src/protocol/Handshake.js"
import { concat } from "../protocol/bytes.js"
import { smallOrderKeys } from "../protocol/keys.js"
import { signer } from "../protocol/parties.js"
import { fresh, party, share } from "./peer.js"
import { start, type Subject } from "./subject.js"
import { dial } from "./wire.js"

/** An identity payload of an initiator, written by hand. */
interface Forged {
  readonly nodeId?: Uint8Array
  readonly capabilities?: Uint8Array
  readonly connSeq?: bigint
  readonly publicKey?: Uint8Array
  readonly tail?: Uint8Array
  readonly spoil?: boolean
}

const utf8 = (text: string) => new TextEncoder().encode(text)
const short = (bytes: Uint8Array) => concat(Uint8Array.of(bytes.length), bytes)
const entry = (name: string, value: string) => concat(short(utf8(name)), short(utf8(value)))
const none = Uint8Array.of(0)

const forge = (forged: Forged, hash: Uint8Array): Uint8Array => {
  const { publicKey, sign } = signer(fresh())
  const sequences = new Uint8Array(18)
  new DataView(sequences.buffer).setBigUint64(0, forged.connSeq ?? 1n, true)
  const body = concat(
    new Uint8Array(2),
    forged.publicKey ?? publicKey,
    fresh(16),
    sequences,
    forged.nodeId ?? short(utf8("mallory")),
    forged.capabilities ?? none,
    forged.tail ?? new Uint8Array(0)
  )
  const signature = sign(concat(utf8("vp2p/2 identity proof\0I"), hash, body))
  if (forged.spoil === true) signature[0] = (signature[0] ?? 0) ^ 1
  return concat(body, signature)
}

const payloads: ReadonlyArray<readonly [name: string, forged: Forged, reason: Reason]> = [
  ["an escape sequence in the node id", { nodeId: short(utf8("\u001b[2Jowned")) }, "Malformed"],
  ["a line break in the node id", { nodeId: short(utf8("A\n[vix p2p] peers_total=9")) }, "Malformed"],
  ["a bidi override in the node id", { nodeId: short(utf8("A\u202Egnp")) }, "Malformed"],
  ["a zero-width joiner in the node id", { nodeId: short(utf8("A\u200D")) }, "Malformed"],
  ["a C1 control in the node id", { nodeId: short(utf8("A\u009b2J")) }, "Malformed"],
  ["a byte order mark in the node id", { nodeId: short(utf8("\uFEFFA")) }, "Malformed"],
  ["a paragraph separator in the node id", { nodeId: short(utf8("A\u2029B")) }, "Malformed"],
  ["a blank at the end of the node id", { nodeId: short(utf8("A ")) }, "Malformed"],
  ["a node id that is no UTF-8", { nodeId: Uint8Array.of(2, 0xc3, 0x28) }, "Malformed"],
  ["an empty node id", { nodeId: none, capabilities: concat(Uint8Array.of(1), entry("a", "")) }, "Malformed"],
  ["a node id of 65 bytes", { nodeId: short(new Uint8Array(65).fill(0x61)) }, "Malformed"],
  [
    "an escape sequence in a capability",
    { capabilities: concat(Uint8Array.of(1), entry("a", "\u001b[2J")) },
    "Malformed"
  ],
  [
    "a line break in a capability",
    { capabilities: concat(Uint8Array.of(1), entry("a", "b\r\nc")) },
    "Malformed"
  ],
  [
    "a capability named in capitals",
    { capabilities: concat(Uint8Array.of(1), entry("A", "b")) },
    "Malformed"
  ],
  [
    "a capability twice",
    { capabilities: concat(Uint8Array.of(2), entry("a", "b"), entry("a", "b")) },
    "Malformed"
  ],
  [
    "capabilities out of order",
    { capabilities: concat(Uint8Array.of(2), entry("b", ""), entry("a", "")) },
    "Malformed"
  ],
  ["17 capabilities", {
    capabilities: concat(Uint8Array.of(17), ...Array.from("abcdefghijklmnopq", (name) => entry(name, "")))
  }, "Malformed"],
  ["a byte too many", { tail: none }, "Malformed"],
  ["an initiator without a number", { connSeq: 0n }, "Malformed"],
  ["somebody else's key", { publicKey: signer(fresh()).publicKey }, "BadSignature"],
  ["a wrong signature", { spoil: true }, "BadSignature"],
  ...smallOrderKeys.map((publicKey, at) =>
    [`small-order key ${at + 1}`, { publicKey }, "BadIdentityKey"] as const
  )
]

/** Sends the node a handshake with that payload. */
const present = (subject: Subject, forged: Forged) =>
  Effect.gen(function*() {
    const noise = Handshake.begin(party(), "initiator")
    const wire = yield* dial(subject.node.address)
    yield* wire.send(Envelope.clear(Envelope.types.Hello, 1, noise.write(() => new Uint8Array(0), share())))
    const helloAck = (yield* wire.read) ?? fresh(0)
    assert.isObject(noise.read(helloAck.subarray(ackHead)))
    yield* wire.send(
      Envelope.clear(Envelope.types.HelloFinish, 2, noise.write((hash) => forge(forged, hash)))
    )
    return wire
  })

/** Bytes before the payload of a HelloAck: its prefix and the length inside have two each. */
const ackHead = 2 + Envelope.headerBytes + 2

describe("forged identities", () => {
  it.scopedLive.each(payloads)(
    "%s: refused without an answer",
    ([, forged, reason]) =>
      Effect.gen(function*() {
        const subject = yield* start()
        const wire = yield* present(subject, forged)
        assert.strictEqual((yield* wire.rest).length, 0)
        const rejected = yield* subject.until("handshake.rejected")
        assert.strictEqual(rejected.reason, reason)
        assert.notProperty(rejected, "nodeId")
      })
  )

  it.scopedLive("the same payload without a fault is let in", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      yield* present(subject, {})
      const { nodeId } = yield* subject.until("peer.state", ({ to }) => to === "Connected")
      assert.strictEqual(nodeId, "mallory")
    }))
})
