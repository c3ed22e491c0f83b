/** Peers that proved their key and then break the rules. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import type { Reason } from "../../src/domain/Reason.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Message from "../../src/protocol/Message.js"
import { concat, flipped, unhex } from "../protocol/bytes.js"
import { answer, fresh, join, party, type Peer } from "./peer.js"
import { start, type Subject, turn } from "./subject.js"
import { listen, Wire } from "./wire.js"

const { types } = Envelope

/** What a peer does wrong, in frames of its own session. */
type Misdeed = (peer: Peer) => ReadonlyArray<Uint8Array>

const ping = ({ session }: Peer): Uint8Array => session.seal(types.Ping, fresh(8))

/** Changes a byte of a frame of a Ping, whose length prefix has one byte. */
const changed = (peer: Peer, at: number): Uint8Array => flipped(ping(peer), 8 * at)

const inBundle = (...items: ReadonlyArray<readonly [type: number, plaintext: Uint8Array]>): Uint8Array => {
  const bytes = new Uint8Array(
    items.reduce((sum, [, item]) => sum + Message.itemHead(item.length) + item.length, 0)
  )
  items.reduce((at, [type, item]) => Message.writeItem(bytes, at, type, item), 0)
  return bytes
}

const beginning = Uint8Array.of(1, 0, 7)
const whole = Uint8Array.of(0, 0, 7)
const close = (code: number, detail: Uint8Array) => concat(Uint8Array.of(code, 0, detail.length), detail)
const ascii = (text: string) => new TextEncoder().encode(text)

const silent: ReadonlyArray<readonly [name: string, misdeed: Misdeed, reason: Reason]> = [
  ["a frame one byte too long", () => [unhex("818004")], "FrameLength"],
  ["a frame without a body", () => [unhex("00")], "FrameLength"],
  ["a frame too short to be sealed", () => [unhex("32")], "FrameLength"],
  ["a length in four bytes", () => [unhex("8080808001")], "FrameLength"],
  ["a length that is not minimal", () => [unhex("b300")], "FrameLength"],
  ["a frame twice", (peer) => {
    const frame = ping(peer)
    return [frame, frame]
  }, "BadHeader"],
  ["a frame left out", (peer) => [ping(peer), ping(peer)].slice(1), "BadHeader"],
  ["two frames in the wrong order", (peer) => [ping(peer), ping(peer)].toReversed(), "BadHeader"],
  ["a changed nonce", (peer) => [changed(peer, 1 + 22 + 4)], "ReplayOrReorder"],
  ["a changed type", (peer) => [changed(peer, 1 + 8)], "DecryptFailed"],
  ["a changed tag", (peer) => [changed(peer, 1 + 22 + 12)], "DecryptFailed"],
  ["a changed ciphertext", (peer) => [changed(peer, 59)], "DecryptFailed"],
  ["a changed length inside", (peer) => [changed(peer, 1 + 50)], "BadHeader"],
  ["an unknown flag", (peer) => [changed(peer, 1 + 18 + 1)], "BadHeader"],
  ["a clear envelope", () => [Envelope.clear(types.Ping, 3, fresh(40))], "BadHeader"],
  ["a version 1 envelope", () => [unhex("33565032500100000002000300000000000000"), fresh(40)], "LegacyPeer"]
]

const answered: ReadonlyArray<readonly [name: string, type: number, plaintext: Uint8Array]> = [
  ["a Hello within the session", types.Hello, fresh(48)],
  ["a HelloAck within the session", types.HelloAck, fresh(300)],
  ["a HelloFinish within the session", types.HelloFinish, fresh(300)],
  ["type 0", 0, fresh(8)],
  ["a Ping of 7 bytes", types.Ping, fresh(7)],
  ["an empty Pong", types.Pong, fresh(0)],
  ["a Close with more than it says", types.Close, concat(close(1, ascii("bye")), fresh(1))],
  ["a Close with an escape sequence", types.Close, close(1, ascii("\u001b[2J\u001b]0;owned\u0007"))],
  ["a Close with a line break", types.Close, close(1, ascii("bye\n[vix p2p] peers_total=9"))],
  ["a Close with a bidi override", types.Close, close(1, ascii("\u202Egoodbye"))],
  ["a Close of 65 characters", types.Close, close(1, new Uint8Array(65).fill(0x61))],
  ["an empty Data", types.Data, fresh(0)],
  ["undefined part bits", types.Data, Uint8Array.of(4, 0)],
  ["a continuation without a beginning", types.Data, Uint8Array.of(2, 1, 2, 3)],
  ["a topic with a line break", types.Data, concat(Uint8Array.of(0, 3), ascii("a\nb"))],
  ["a topic with a bidi override", types.Data, concat(Uint8Array.of(0, 3), ascii("\u202E"))],
  ["a topic that is no UTF-8", types.Data, Uint8Array.of(0, 2, 0xc3, 0x28)],
  ["a topic of 65 bytes", types.Data, concat(Uint8Array.of(0, 65), new Uint8Array(65).fill(0x61))],
  ["an empty Bundle", types.Bundle, fresh(0)],
  ["a Bundle in a Bundle", types.Bundle, inBundle([types.Bundle, inBundle([types.Ping, fresh(8)])])],
  ["a Close in a Bundle", types.Bundle, inBundle([types.Close, close(1, fresh(0))])],
  ["a part in a Bundle", types.Bundle, inBundle([types.Data, beginning])],
  [
    "a Bundle that goes wrong after a message",
    types.Bundle,
    inBundle([types.Data, whole], [types.Ping, fresh(9)])
  ]
]

/** What the node still says before it leaves, Pings and Pongs aside. */
const lastWords = (peer: Peer) =>
  Effect.map(peer.rest, (events) => events.filter(({ _tag }) => _tag !== "Ping" && _tag !== "Pong"))

/** The reason for which the session with a peer ended, as the node sees it. */
const endOf = (subject: Subject, peer: Peer) =>
  Effect.map(
    subject.until(
      "peer.state",
      ({ endpoint, to }) => to === "Closed" && endpoint === String(peer.wire.local)
    ),
    ({ reason }) => reason
  )

/** Another peer of the same node, to whom nothing may happen. */
const beside = (attack: (subject: Subject, peer: Peer) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const subject = yield* start()
    const other = yield* join(subject.node.address)
    const peer = yield* join(subject.node.address)
    yield* other.ping
    yield* peer.ping
    yield* attack(subject, peer)
    yield* other.ping
    assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
  })

/** A peer to be dialled, which speaks once it has accepted and never ends a connection. */
const dialled = (local = party()) =>
  Effect.gen(function*() {
    const accepted = yield* Deferred.make<Peer>()
    const endpoint = yield* listen((socket) =>
      Effect.runFork(Effect.flatMap(answer(new Wire(socket), local), (peer) =>
        peer === undefined
          ? Effect.void
          : Effect.zipRight(peer.say(types.Ping, fresh(8)), Deferred.succeed(accepted, peer))))
    )
    return { endpoint, peer: Deferred.await(accepted) }
  })

describe("insiders", () => {
  it.scopedLive.each(silent)(
    "%s ends the session without a word",
    ([, misdeed, reason]) =>
      beside((subject, peer) =>
        Effect.gen(function*() {
          for (const frame of misdeed(peer)) yield* peer.wire.send(frame)
          assert.deepStrictEqual(yield* lastWords(peer), [])
          assert.strictEqual(yield* endOf(subject, peer), reason)
        })
      )
  )

  it.scopedLive("the node's own frame sent back to it ends the session without a word", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const local = party()
      const peer = yield* join(subject.node.address, local)
      yield* peer.hear
      // Its second sealed frame has the number that is due in our direction, and nothing else that is.
      yield* subject.node.send(PeerId.fromKey(local.identity.publicKey), "", fresh(8))
      yield* peer.wire.send((yield* peer.wire.read) ?? fresh(0))
      assert.deepStrictEqual(yield* lastWords(peer), [])
      assert.strictEqual(yield* endOf(subject, peer), "ReplayOrReorder")
    }))

  it.scopedLive.each(answered)(
    "%s is answered with Close(ProtocolError)",
    ([, type, plaintext]) =>
      beside((subject, peer) =>
        Effect.gen(function*() {
          yield* peer.say(type, plaintext)
          yield* peer.say(types.Data, whole)
          assert.deepStrictEqual(yield* lastWords(peer), [{
            _tag: "Close",
            reason: "ProtocolError",
            detail: ""
          }])
          assert.strictEqual(yield* endOf(subject, peer), "ProtocolError")
          // Nobody takes messages: one that had been delivered would be counted as dropped.
          assert.strictEqual(yield* subject.node.messagesDropped, 0)
        })
      )
  )

  it.scopedLive("a flood of frames of unknown types is limited, and nobody else has to wait for it", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const other = yield* join(subject.node.address)
      const peer = yield* join(subject.node.address)
      const junk = fresh(Envelope.maxPlain)
      const flood = Effect.forEach(Array.from({ length: 80 }), () => peer.say(999, junk), { discard: true })
      yield* Effect.all([flood, Effect.repeatN(other.ping, 9)], { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* lastWords(peer), [{ _tag: "Close", reason: "RateLimited", detail: "" }])
      yield* other.ping
    }))

  it.scopedLive("a few frames of unknown types are ignored", () =>
    Effect.gen(function*() {
      const peer = yield* join((yield* start()).node.address)
      for (let count = 0; count < 20; count++) yield* peer.say(10 + count % 3, fresh(100))
      yield* peer.ping
    }))

  it.scopedLive.each(["one by one", "in Bundles"])(
    "a flood of Pings %s is limited",
    (how) =>
      beside((subject, peer) =>
        Effect.gen(function*() {
          const pings = Array.from({ length: 1_000 }, () => fresh(8))
          if (how === "one by one") {
            for (const data of pings) yield* peer.say(types.Ping, data)
          } else {
            yield* peer.say(types.Bundle, inBundle(...pings.map((data) => [types.Ping, data] as const)))
          }
          const events = yield* peer.rest
          assert.isAtMost(events.filter(({ _tag }) => _tag === "Pong").length, 40)
          assert.deepStrictEqual(events.at(-1), { _tag: "Close", reason: "RateLimited", detail: "" })
          assert.strictEqual(yield* endOf(subject, peer), "RateLimited")
        })
      )
  )

  it.scopedLive("a message longer than may be is refused before it is whole", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { messageBytes: 100_000 } })
      const peer = yield* join(subject.node.address)
      const [head, ...tail] = Message.parts("t", fresh(200_000))
      for (const part of [head ?? fresh(0), ...tail].slice(0, 2)) yield* peer.say(types.Data, part)
      assert.deepStrictEqual(yield* lastWords(peer), [{ _tag: "Close", reason: "ProtocolError", detail: "" }])
      assert.strictEqual(yield* endOf(subject, peer), "ProtocolError")
    }))

  it.scopedLive("what a goodbye says reaches whoever watches as one line of printable ASCII", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const peer = yield* join(
        subject.node.address,
        party({ nodeId: "naïve ☃", capabilities: { "a.b-c_d": " ~" } })
      )
      yield* peer.ping
      yield* peer.say(types.Close, Message.encodeClose(1, "back soon <b>"))
      const event = yield* subject.until("peer.state", ({ to }) => to === "Closed")
      assert.deepInclude(event, {
        reason: "Shutdown",
        origin: "remote",
        detail: "back soon <b>",
        nodeId: NodeId.make("naïve ☃")
      })
    }))

  it.scopedLive("one that does not let go of a session that is over holds up no dial to it", () =>
    Effect.gen(function*() {
      const { endpoint, peer } = yield* dialled()
      const { events, node, until } = yield* start()
      yield* node.connect(endpoint)
      yield* (yield* peer).say(types.Close, fresh(1))
      yield* until("peer.state", ({ reason }) => reason === "ProtocolError")
      assert.strictEqual((yield* Effect.flip(node.connect(endpoint))).reason, "backing off")
      yield* turn
      assert.lengthOf(events.filter(({ ev }) => ev === "dial.verdict"), 2)
    }))

  it.scopedLive("a dial to where a session is that has just been replaced leads to the one in its place", () =>
    Effect.gen(function*() {
      const local = party()
      const { endpoint } = yield* dialled(local)
      const { events, node, until } = yield* start()
      yield* node.connect(endpoint)
      const again = yield* join(node.address, { ...local, instance: fresh(16) })
      yield* again.ping
      yield* until("peer.state", ({ reason }) => reason === "Replaced")
      assert.strictEqual((yield* node.connect(endpoint)).direction, "inbound")
      yield* turn
      assert.lengthOf(events.filter(({ ev }) => ev === "dial.verdict"), 2)
    }))

  it.scopedLive("a Close code that nobody knows still ends the session", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const peer = yield* join(subject.node.address)
      yield* peer.say(types.Close, close(200, fresh(0)))
      assert.strictEqual(yield* endOf(subject, peer), "ProtocolError")
      yield* peer.rest
    }))
})
