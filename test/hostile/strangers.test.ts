/** Connections of those who never prove who they are. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { vi } from "vitest"
import type { Reason } from "../../src/domain/Reason.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import { concat, unhex } from "../protocol/bytes.js"
import { fresh, greet, join, party, share } from "./peer.js"
import { start, type Subject } from "./subject.js"
import { dial, listen, Wire } from "./wire.js"

const ascii = (text: string) => new TextEncoder().encode(text)

const legacyHello = unhex(
  "485650325001000000010001000000000000000000000031e9078098c59fe231066e6f64652d6100200a0b0c0d0e0f101112131415161718191a1b" +
    "1c1d1e1f20212223242526272829"
)
const tlsHello = concat(unhex("16030100c8010000c40303"), fresh(190))
const prefix = new Initiator(party(), share()).hello.subarray(0, 24)

/** Sends bytes to the node: it answers with nothing at all, leaves, and says why. */
const refused = (subject: Subject, bytes: Uint8Array, reason: Reason) =>
  Effect.gen(function*() {
    const wire = yield* dial(subject.node.address)
    yield* wire.send(bytes)
    assert.strictEqual((yield* wire.rest).length, 0)
    const rejected = yield* subject.until("handshake.rejected", ({ endpoint }) =>
      endpoint === String(wire.local))
    assert.strictEqual(rejected.reason, reason)
  }).pipe(Effect.scoped)

/** A peer that was here before, and what a stranger did meanwhile, is still served. */
const unharmed = (attack: (subject: Subject) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const subject = yield* start()
    const peer = yield* join(subject.node.address)
    yield* peer.ping
    yield* attack(subject)
    yield* peer.ping
    yield* (yield* join(subject.node.address)).ping
  })

describe("strangers", () => {
  it.scopedLive.each<readonly [string, Uint8Array, Reason]>([
    ["a megabyte of noise", concat(unhex("00"), fresh(1_048_576)), "BadHeader"],
    ["an HTTP request", ascii("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "Http"],
    ["an HTTP POST", ascii("POST /announce HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"), "Http"],
    ["an HTTP/2 preface", ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "Http"],
    ["a TLS hello", tlsHello, "Tls"],
    ["an SSH banner", ascii("SSH-2.0-OpenSSH_9.2\r\n"), "Ssh"],
    ["a version 1 Hello", legacyHello, "LegacyPeer"],
    [
      "a version 3 Hello",
      concat(prefix.subarray(0, 5), unhex("03"), prefix.subarray(6), fresh(48)),
      "BadHeader"
    ],
    ["a Ping in clear", Envelope.clear(Envelope.types.Ping, 1, fresh(8)), "BadHeader"],
    ["a Hello of another network", new Initiator(party({ networkKey: fresh() }), share()).hello, "NotMember"],
    ["a Hello with a share of low order", concat(prefix, new Uint8Array(48)), "NotMember"]
  ])(
    "%s: nothing is answered and its kind is named",
    ([, bytes, reason]) => unharmed((subject) => refused(subject, bytes, reason))
  )

  it.scopedLive("the first wrong byte of a Hello ends it, though nothing follows", () =>
    unharmed((subject) =>
      Effect.forEach(prefix, (byte, at) =>
        refused(
          subject,
          concat(prefix.subarray(0, at), Uint8Array.of(byte ^ 0xff)),
          "BadHeader"
        ), { concurrency: 4, discard: true })
    ))

  it.scopedLive("lengths that cannot be are refused, at no cost of memory", () =>
    unharmed((subject) =>
      Effect.gen(function*() {
        const spies = (["alloc", "allocUnsafe", "allocUnsafeSlow"] as const).map((name) =>
          vi.spyOn(Buffer, name)
        )
        yield* Effect.forEach(badLengths, ([, length]) =>
          Effect.gen(function*() {
            // As a Hello, and as the HelloFinish of a peer whose Hello was good.
            yield* refused(subject, concat(length, fresh(64)), "BadHeader")
            const wire = yield* dial(subject.node.address)
            yield* greet(wire, party())
            yield* wire.send(length)
            assert.strictEqual((yield* wire.rest).length, 0)
          }).pipe(Effect.scoped), { discard: true })
        const sizes = spies.flatMap((spy) => spy.mock.calls.map(([size]) => size))
        spies.forEach((spy) => spy.mockRestore())
        assert.isAbove(sizes.length, 0)
        assert.isAtMost(Math.max(...sizes), 4_096)
        const { FrameLength } = yield* subject.stats.reasons
        assert.strictEqual(FrameLength, badLengths.length)
      })
    ))

  it.scopedLive.each([0, 1, 23, 24, 71])(
    "a Hello that ends after %i bytes is given up",
    (length) =>
      unharmed((subject) =>
        Effect.gen(function*() {
          const wire = yield* dial(subject.node.address)
          yield* wire.send(new Initiator(party(), share()).hello.subarray(0, length))
          yield* wire.finish
          assert.strictEqual((yield* wire.rest).length, 0)
          yield* subject.until("handshake.rejected", ({ reason }) => reason === "RemoteClosed")
        }).pipe(Effect.scoped)
      )
  )

  it.scopedLive("a private network answers nobody without its key, and its members find each other", () =>
    Effect.gen(function*() {
      const networkKey = fresh()
      const subject = yield* start({ networkKey: Option.some(Redacted.make(networkKey)) })
      for (const other of [new Uint8Array(32), fresh()]) {
        yield* refused(subject, new Initiator(party({ networkKey: other }), share()).hello, "NotMember")
      }
      yield* (yield* join(subject.node.address, party({ networkKey }))).ping
    }))

  it.scopedLive.each<readonly [string, Uint8Array, Reason]>([
    ["an HTTP server", ascii("HTTP/1.1 400 Bad Request\r\n\r\n"), "Http"],
    ["an SSH server", ascii("SSH-2.0-OpenSSH_9.2\r\n"), "Ssh"],
    ["a length that cannot be", unhex("ffffff7f"), "FrameLength"],
    [
      "a HelloAck full of noise",
      Envelope.clear(Envelope.types.HelloAck, 1, concat(share().publicKey, fresh(300))),
      "DecryptFailed"
    ],
    [
      "a HelloAck with a share of low order",
      Envelope.clear(Envelope.types.HelloAck, 1, new Uint8Array(300)),
      "BadKeyShare"
    ],
    [
      "another message of that length",
      Envelope.clear(Envelope.types.HelloFinish, 1, fresh(300)),
      "Unexpected"
    ],
    ["a version 1 message", unhex("ac025650325001000000"), "LegacyPeer"]
  ])("dialling %s fails by name, and no identity is sent", ([, bytes, reason]) =>
    Effect.gen(function*() {
      const subject = yield* start()
      const heard: Array<Wire> = []
      const endpoint = yield* listen((socket) => {
        heard.push(new Wire(socket))
        socket.write(reason === "LegacyPeer" ? concat(bytes, fresh(300 - 8)) : bytes)
      })
      const error = yield* Effect.flip(subject.node.connect(endpoint))
      assert.strictEqual(error.reason, reason)
      assert.isAbove(error.retryInMillis, 0)
      const [wire] = heard
      assert.strictEqual((yield* wire?.rest ?? Effect.succeed(new Uint8Array(0))).length, 72)
      assert.strictEqual((yield* subject.stats.snapshot).connect_failures, 1)
    }))
})

const varint = (value: bigint): Uint8Array => {
  const bytes: Array<number> = []
  for (let rest = value; bytes.length === 0 || rest > 0n; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
  }
  return Uint8Array.from(bytes)
}

const badLengths: ReadonlyArray<readonly [string, Uint8Array]> = [
  ...[
    0n,
    1n,
    127n,
    128n,
    129n,
    222n,
    1_855n,
    16_383n,
    16_384n,
    16_385n,
    65_537n,
    1n << 21n,
    1n << 28n,
    1n << 63n
  ].map(
    (length) => [`${length}`, varint(length)] as const
  ),
  ["not minimal", unhex("df8000")],
  ["endless", new Uint8Array(16).fill(0x80)]
]
