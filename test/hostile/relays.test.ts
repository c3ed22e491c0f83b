/** Men in the middle: they listen, cut, delay, repeat and send back, and get nothing out of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import { concat } from "../protocol/bytes.js"
import { first, fresh, greet, join, party, share } from "./peer.js"
import { proxy, type Way } from "./proxy.js"
import { descriptors, returns, start } from "./subject.js"
import { dial, listen } from "./wire.js"

const utf8 = (text: string) => new TextEncoder().encode(text)

describe("replay and reflection", () => {
  it.scopedLive("a Hello that was seen before is refused without an answer", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const { hello } = new Initiator(party(), share())
      const original = yield* dial(subject.node.address)
      yield* original.send(hello)
      assert.isAbove((yield* original.read)?.length ?? 0, 0)
      for (let time = 0; time < 3; time++) {
        const replayed = yield* dial(subject.node.address)
        yield* replayed.send(hello)
        assert.strictEqual((yield* replayed.rest).length, 0)
      }
      assert.strictEqual((yield* subject.stats.reasons).ReplayedHello, 3)
    }))

  it.scopedLive("a whole recorded handshake opens nothing", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { seenHelloMillis: 0 } })
      const recorded: Array<Uint8Array> = []
      const at = yield* proxy(subject.node.address, ({ pass }) => (way, chunk) => {
        if (way === "there") recorded.push(chunk)
        pass(way, chunk)
      })
      yield* (yield* join(at)).ping
      // Nothing is remembered of Hellos here: the fresh keys of the node's own end are enough.
      const replay = yield* dial(subject.node.address)
      yield* replay.send(concat(...recorded))
      const answered = yield* replay.rest
      const rejected = yield* subject.until("handshake.rejected")
      assert.strictEqual(rejected.reason, "DecryptFailed")
      assert.isAtMost(answered.length, 1_888)
      assert.strictEqual((yield* subject.stats.snapshot).handshakes_completed, 1)
    }))

  it.scopedLive("the HelloFinish of another session is refused", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const local = party()
      const wires = [yield* dial(subject.node.address), yield* dial(subject.node.address)] as const
      const one = yield* greet(wires[0], local)
      yield* greet(wires[1], local)
      yield* wires[1].send(one.initiator.finish(first).frame)
      assert.strictEqual((yield* wires[1].rest).length, 0)
      assert.strictEqual((yield* subject.until("handshake.rejected")).reason, "DecryptFailed")
      assert.strictEqual((yield* subject.stats.snapshot).handshakes_completed, 0)
    }))

  it.scopedLive("a node that is sent its own Hello back on the same connection leaves", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const mirror = yield* listen((socket) => socket.pipe(socket))
      const error = yield* Effect.flip(subject.node.connect(mirror))
      assert.strictEqual(error.reason, "FrameLength")
    }))

  it.scopedLive("a node that is relayed to itself says so, and does not take the relay for itself", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { manualBackoffMillis: 0 } })
      const relay = yield* proxy(subject.node.address, ({ pass }) => pass)
      for (let time = 1; time <= 2; time++) {
        const error = yield* Effect.flip(subject.node.connect(relay))
        assert.strictEqual(error.reason, "Reflection")
        const known = yield* subject.node.explain(relay)
        assert.strictEqual(Option.map(known, ({ failures }) => failures).pipe(Option.getOrUndefined), time)
      }
      assert.strictEqual((yield* subject.until("handshake.rejected")).reason, "Reflection")
    }))

  it.scopedLive.each(["the same address", "a name"])(
    "a node that dials itself by %s never does so again",
    (how) =>
      Effect.gen(function*() {
        const subject = yield* start()
        const { address } = subject.node
        const endpoint = how === "a name" ? Endpoint.make("localhost", address.port) : address
        assert.strictEqual((yield* Effect.flip(subject.node.connect(endpoint))).reason, "SelfConnection")
        assert.strictEqual((yield* Effect.flip(subject.node.connect(endpoint))).reason, "self")
        assert.deepInclude(yield* subject.stats.snapshot, {
          connect_attempts: 1,
          connect_failures: 0,
          peers_total: 0
        })
      })
  )
})

describe("the wire", () => {
  it.scopedLive("bytes that come one by one make the same session", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* start({ id: NodeId.make("a") }), yield* start({ id: NodeId.make("b") })]
      const dripping = yield* proxy(b.node.address, ({ pass }) => {
        const waiting = { there: Promise.resolve(), back: Promise.resolve() }
        return (way, chunk) => {
          for (const byte of chunk) {
            waiting[way] = waiting[way].then(() =>
              new Promise((next) => {
                pass(way, Uint8Array.of(byte))
                setImmediate(next)
              })
            )
          }
        }
      })
      const message = yield* Effect.fork(Stream.runHead(b.node.messages))
      const peer = yield* a.node.connect(dripping)
      yield* a.node.send(peer.id, "greeting", utf8("drop by drop"))
      const { payload } = yield* Effect.flatten(message)
      assert.strictEqual(new TextDecoder().decode(payload), "drop by drop")
      assert.deepStrictEqual((yield* b.node.peers).map(({ session }) => session), [peer.session])
    }))

  it.scopedLive("whoever listens learns nothing but that two nodes talk", () =>
    Effect.gen(function*() {
      const networkKey = fresh()
      const settings = (name: string) => ({
        id: NodeId.make(`canary-node-${name}`),
        capabilities: { "canary-capability": `canary-value-${name}` },
        networkKey: Option.some(Redacted.make(networkKey))
      })
      const [a, b] = [yield* start(settings("a")), yield* start(settings("b"))]
      const heard: Record<Way, Array<Uint8Array>> = { there: [], back: [] }
      const at = yield* proxy(b.node.address, ({ pass }) => (way, chunk) => {
        heard[way].push(chunk)
        pass(way, chunk)
      })
      const messages = yield* Effect.fork(Stream.runCollect(Stream.take(b.node.messages, 2)))
      const peer = yield* a.node.connect(at)
      yield* b.until("peer.rtt")
      const text = utf8("canary-message ".repeat(20))
      yield* a.node.send(peer.id, "canary-topic", text)
      yield* a.node.send(peer.id, "canary-topic", new Uint8Array(200_000).fill(0x63))
      const received = yield* Fiber.join(messages)
      assert.deepStrictEqual([...received].map(({ payload }) => payload.length), [text.length, 200_000])
      yield* a.node.disconnect(peer.id)
      yield* b.until("peer.state", ({ to }) => to === "Closed")

      const secrets: ReadonlyArray<Uint8Array> = [
        utf8("canary"),
        new Uint8Array(16).fill(0x63),
        networkKey,
        ...[a, b].flatMap(({ node }) => [utf8(node.peerId), Buffer.from(node.peerId, "hex")]),
        Buffer.from(String(b.node.address)),
        Buffer.from(peer.session, "hex")
      ]
      for (const way of ["there", "back"] as const) {
        const bytes = Buffer.from(concat(...heard[way]))
        assert.isAbove(bytes.length, 300)
        for (const secret of secrets) assert.strictEqual(bytes.indexOf(secret), -1)
        // In clear: Hello and HelloFinish there, HelloAck back. The flags of all other frames say Encrypted.
        assert.deepStrictEqual(clearTypes(bytes), way === "there" ? [1, 5] : [4])
      }
    }))

  it.scopedLive(
    "a reset after any byte of the handshake is named at both ends and leaves nothing behind",
    () =>
      Effect.gen(function*() {
        const limits = { manualBackoffMillis: 0 }
        const a = yield* start({ id: NodeId.make("a"), limits })
        const b = yield* start({ id: NodeId.make("b"), limits })
        let place: { readonly way: Way; readonly after: number } | undefined
        const at = yield* proxy(b.node.address, ({ cut, pass }) => {
          const passed = { there: 0, back: 0 }
          return (way, chunk) => {
            const left = place?.way === way ? place.after - passed[way] : Number.POSITIVE_INFINITY
            passed[way] += chunk.length
            if (left > 0) pass(way, chunk.subarray(0, left))
            // What was passed on is let out before the reset.
            if (chunk.length > left) setImmediate(cut)
          }
        })
        const before = { descriptors: yield* descriptors, a: yield* a.fibers, b: yield* b.fibers }
        // Hello and HelloFinish there; HelloAck and the first Ping back.
        const handshake = { there: 72 + 225, back: 257 + 60 }
        for (const way of ["there", "back"] as const) {
          for (let after = 0; after < handshake[way]; after++) {
            place = { way, after }
            const { reason } = yield* Effect.flip(a.node.connect(at))
            assert.include(
              ["ConnectionReset", "RemoteClosed", "BrokenPipe"],
              reason,
              `${way} after ${after} bytes`
            )
          }
        }
        yield* a.idle
        yield* b.idle
        for (const event of b.events) {
          if (event.ev === "handshake.rejected") {
            assert.include(["ConnectionReset", "RemoteClosed", "BrokenPipe"], event.reason)
          }
        }
        assert.deepInclude(yield* a.stats.snapshot, {
          peers_connected: 0,
          handshakes_completed: 0,
          connect_attempts: handshake.there + handshake.back,
          connect_failures: handshake.there + handshake.back
        })
        yield* returns(before.descriptors, descriptors)
        yield* returns(before.a, a.fibers)
        yield* returns(before.b, b.fibers)
        place = undefined
        assert.strictEqual((yield* a.node.connect(at)).nodeId, "b")
      }),
    30_000
  )
})

/** The types of the frames in clear, in order. */
const clearTypes = (bytes: Buffer): ReadonlyArray<number> => {
  const types: Array<number> = []
  for (let at = 0; at < bytes.length;) {
    let length = 0
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] ?? 0
      length |= (byte & 0x7f) << shift
      more = byte > 0x7f
    }
    if (bytes.readUInt32LE(at + 18) === 0) types.push(bytes.readUInt16LE(at + 8))
    at += length
  }
  return types
}
