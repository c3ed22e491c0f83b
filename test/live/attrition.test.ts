/** Those who take their time: drips, silence, ears that do not listen, long ways. Limits are shrunk, bounds are wide. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import { first, fresh, greet, join, party, share } from "../hostile/peer.js"
import { proxy } from "../hostile/proxy.js"
import { start, type Subject } from "../hostile/subject.js"
import { dial, type Wire } from "../hostile/wire.js"
import { concat } from "../protocol/bytes.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const handshakeMillis = 1_000

const hello = () => new Initiator(party(), share()).hello

/** Says one byte after another for as long as somebody is there. */
const drip = (wire: Wire, bytes: Uint8Array, everyMillis: number) =>
  Effect.gen(function*() {
    for (const byte of bytes) {
      if (wire.over) return
      yield* wire.send(Uint8Array.of(byte))
      yield* Effect.sleep(everyMillis)
    }
  })

/** Milliseconds until the node has left. */
const patience = (wire: Wire) =>
  Effect.map(
    Effect.timed(wire.rest),
    ([duration]) => Duration.toMillis(duration)
  )

const kinds: ReadonlyArray<readonly [name: string, act: (wire: Wire) => Effect.Effect<unknown>]> = [
  ["say nothing", () => Effect.void],
  ["say Hello and no more", (wire) => wire.send(hello())],
  ["are answered and say no more", (wire) => greet(wire, party())],
  [
    "say Hello and the beginning of a HelloFinish",
    (wire) =>
      Effect.flatMap(
        greet(wire, party()),
        ({ initiator }) => wire.send(initiator.finish(first).frame.subarray(0, 200))
      )
  ],
  ["drip a Hello", (wire) => drip(wire, hello(), 100)],
  [
    "drip a Hello and a HelloFinish",
    (wire) =>
      Effect.flatMap(greet(wire, party()), ({ initiator }) => drip(wire, initiator.finish(first).frame, 50))
  ]
]

/** All of them, and an honest peer who is served meanwhile. */
const outlasted = (subject: Subject, count: number, act: (wire: Wire) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const strangers = yield* Effect.forEach(Array.from({ length: count }), () =>
      Effect.gen(function*() {
        const wire = yield* dial(subject.node.address)
        yield* Effect.forkScoped(act(wire))
        return yield* Effect.fork(patience(wire))
      }))
    const honest = yield* join(subject.node.address)
    const [served] = yield* Effect.timed(honest.ping)
    assert.isBelow(Duration.toMillis(served), handshakeMillis)
    for (const millis of yield* Fiber.join(Fiber.all(strangers))) {
      assert.isBelow(millis, handshakeMillis + 2_000)
    }
    yield* honest.ping
    yield* subject.ended(count)
    return yield* subject.stats.reasons
  })

describe("patience", () => {
  it.scopedLive.each(kinds)("of 8 that %s each is gone in time", ([, act]) =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { handshakeMillis } })
      assert.strictEqual((yield* outlasted(subject, 8, act)).HandshakeTimeout, 8)
    }))

  it.scopedLive("64 that drip fill every place, and an honest peer still finds one", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { handshakeMillis } })
      const reasons = yield* outlasted(subject, 64, (wire) => drip(wire, hello(), 100))
      // The oldest silent one made room.
      assert.deepInclude(reasons, { Busy: 1, HandshakeTimeout: 63 })
    }))
})

describe("a peer that never reads", () => {
  const limits = { sendQueueMillis: 600, pingMillis: 1_000, closeMillis: 100 }

  it.scopedLive("is closed as SlowPeer, and what waits for it is bounded", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits })
      const local = party()
      const deaf = yield* join(subject.node.address, local, first, true)
      yield* subject.until("peer.state", ({ to }) => to === "Connected")
      const other = yield* join(subject.node.address)
      yield* other.ping
      const payload = fresh(1_048_576)
      collect()
      const before = process.memoryUsage().arrayBuffers
      const send = Effect.either(subject.node.send(PeerId.fromKey(local.identity.publicKey), "", payload))
      // What the kernel takes, and then far more than may wait.
      const sending = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 64 }), () => send, { concurrency: "unbounded" })
      )
      const [checked] = yield* Effect.all([
        Effect.gen(function*() {
          yield* Effect.sleep(300)
          collect()
          return process.memoryUsage().arrayBuffers - before
        }),
        Effect.repeatN(other.ping, 5)
      ], { concurrency: "unbounded" })
      assert.isBelow(checked, 5 * 1_048_576)
      const { reason } = yield* subject.until("peer.state", ({ to }) => to === "Closed")
      assert.strictEqual(reason, "SlowPeer")
      const refused = (yield* Fiber.join(sending)).filter((result) => result._tag === "Left")
      assert.isNotEmpty(refused)
      for (const { left } of refused) assert.strictEqual(left.reason, "NoSession")
      assert.isTrue(deaf.wire.socket.isPaused())
      yield* other.ping
    }))

  it.scopedLive("and says nothing either is closed as well, while nothing is sent to it but Pings", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { ...limits, pingMillis: 200, staleMillis: 600 } })
      yield* join(subject.node.address, party(), first, true)
      const states = Effect.map(
        subject.until("peer.state", ({ to }) => to === "Closed"),
        ({ from, reason }) => ({ from, reason })
      )
      assert.deepStrictEqual(yield* states, { from: "Stale", reason: "Stale" })
    }))

  it.scopedLive("is closed as soon as more waits for it than may", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { sendQueueSoftBytes: 8_388_608, sendQueueMillis: 60_000 } })
      const local = party()
      yield* join(subject.node.address, local, first, true)
      yield* subject.until("peer.state", ({ to }) => to === "Connected")
      const send = subject.node.send(PeerId.fromKey(local.identity.publicKey), "", fresh(1_048_576))
      assert.strictEqual((yield* Effect.flip(Effect.forever(send))).reason, "NoSession")
      const { reason } = yield* subject.until("peer.state", ({ to }) => to === "Closed")
      assert.strictEqual(reason, "SlowPeer")
    }))

  it.scopedLive("does not hold up a node that stops", () =>
    Effect.gen(function*() {
      const life = yield* Scope.make()
      const subject = yield* Scope.extend(start(), life)
      const local = party()
      yield* join(subject.node.address, local, first, true)
      yield* subject.until("peer.state", ({ to }) => to === "Connected")
      const send = subject.node.send(PeerId.fromKey(local.identity.publicKey), "", fresh(1_048_576))
      const sending = yield* Effect.fork(Effect.flip(Effect.forever(send)))
      yield* Effect.sleep(300)
      const [stopping] = yield* Effect.timed(Scope.close(life, Exit.void))
      assert.isBelow(Duration.toMillis(stopping), 2_000)
      assert.strictEqual((yield* Fiber.join(sending)).reason, "NoSession")
    }))
})

describe("a long way", () => {
  it.scopedLive("of 900 ms each way, with drops between, still leads to a session", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* start({ id: NodeId.make("a") }), yield* start({ id: NodeId.make("b") })]
      const far = yield* proxy(b.node.address, ({ pass }) => (way, chunk) => {
        setTimeout(() => pass(way, chunk), 900)
      })
      const peer = yield* a.node.connect(far)
      assert.strictEqual(peer.nodeId, "b")
      const { rttMillis } = yield* b.until("peer.rtt")
      assert.isAtLeast(rttMillis, 1_700)
    }))

  it.scopedLive("that brings every byte at a time of its own still leads to a session", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* start({ id: NodeId.make("a") }), yield* start({ id: NodeId.make("b") })]
      const uneven = yield* proxy(b.node.address, ({ pass }) => {
        const due = { there: Promise.resolve(), back: Promise.resolve() }
        return (way, chunk) => {
          for (let at = 0; at < chunk.length; at += 7) {
            due[way] = due[way].then(() =>
              new Promise((next) => {
                setTimeout(() => {
                  pass(way, concat(chunk.subarray(at, at + 7)))
                  next()
                }, at % 5)
              })
            )
          }
        }
      })
      assert.strictEqual((yield* a.node.connect(uneven)).nodeId, "b")
      yield* b.until("peer.rtt")
    }))
})
