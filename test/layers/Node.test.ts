import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "../../src/domain/Candidate.js"
import * as NetworkInMemory from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import { endpoint, pass, session, settle, silent, start, states, wanted } from "./nodes.js"

const world = <A, E>(
  name: string,
  body: () => Effect.Effect<A, E, NetworkInMemory.MemoryNetwork | Scope.Scope>
) => it.scoped(name, () => body().pipe(Effect.provide(NetworkInMemory.layer)))

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (payload: Uint8Array) => new TextDecoder().decode(payload)

describe("Node", () => {
  world("dials under the span in which it was made", () =>
    Effect.gen(function*() {
      const memory = yield* MemoryTransport.make({ host: "10.0.0.2" })
      const spans: Array<string> = []
      const dial: typeof memory.dial = (to) =>
        Effect.zipRight(
          Effect.tap(Effect.orDie(Effect.currentSpan), ({ name }) => Effect.sync(() => spans.push(name))),
          memory.dial(to)
        )
      yield* start("A")
      const b = yield* Effect.withSpan(start("B", { transport: { ...memory, dial } }), "the making of B")
      yield* b.node.connect(endpoint())
      assert.deepStrictEqual(spans, ["the making of B"])
    }))

  world(
    "two nodes meet: one session, the same at both ends, and honest counters",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const b = yield* start("B", { host: "10.0.0.2", ...wanted(endpoint()) })
        yield* settle
        assert.deepInclude(yield* a.counters, {
          peers_total: 1,
          peers_connected: 1,
          handshakes_started: 1,
          handshakes_completed: 1,
          connect_attempts: 0
        })
        assert.deepInclude(yield* b.counters, {
          peers_total: 1,
          peers_connected: 1,
          handshakes_started: 1,
          handshakes_completed: 1,
          connect_attempts: 1,
          connect_failures: 0,
          tracked_endpoints: 1
        })
        assert.strictEqual(yield* session(a), yield* session(b))
        assert.deepStrictEqual(states(b.events), [
          "Disconnected->Connecting Dialling",
          "Connecting->Handshaking TcpEstablished",
          "Handshaking->Connected Established"
        ])
        assert.deepStrictEqual(states(a.events), [
          "Disconnected->Handshaking Accepted",
          "Handshaking->Connected Established"
        ])
        const [peer] = yield* a.node.peers
        assert.strictEqual(peer?.id, b.node.peerId)
        assert.strictEqual(peer?.nodeId, "B")
      })
  )

  world(
    "messages arrive whole, in order and both ways, from empty to the longest",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const b = yield* start("B", { host: "10.0.0.2" })
        const peer = yield* b.node.connect(endpoint())
        const sizes = [0, 1, 100, 65_000, 65_483, 65_484, 200_000, 1_048_576]
        const received = yield* Effect.fork(Stream.runCollect(Stream.take(a.node.messages, sizes.length)))
        yield* settle
        for (const size of sizes) {
          yield* b.node.send(peer.id, `size ${size}`, new Uint8Array(size).fill(size % 251))
        }
        const messages = yield* received
        assert.deepStrictEqual(
          [...messages].map(({ payload }) => payload.length),
          sizes
        )
        for (const { payload, topic } of messages) {
          assert.strictEqual(topic, `size ${payload.length}`)
          assert.isTrue(payload.every((byte) => byte === payload.length % 251))
        }
        const answer = yield* Effect.fork(Stream.runHead(b.node.messages))
        yield* settle
        yield* a.node.send(b.node.peerId, "", bytes("hello"))
        const message = yield* Effect.flatten(answer)
        assert.strictEqual(text(message.payload), "hello")
        assert.strictEqual(message.from, a.node.peerId)
      })
  )

  world(
    "many messages at once arrive as if sent one after the other, past what may be queued",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const b = yield* start("B", { host: "10.0.0.2" })
        const peer = yield* b.node.connect(endpoint())
        const sizes = Array.from({ length: 4_000 }, (_, n) => n % 997 === 996 ? 66_000 + n : n % 150)
        const payloads = sizes.map((size) => new Uint8Array(size).fill(size % 251))
        const received = yield* Effect.fork(Stream.runCollect(Stream.take(a.node.messages, sizes.length + 1)))
        yield* settle
        yield* b.node.sendAll(peer.id, "many", payloads)
        yield* b.node.sendAll(peer.id, "none", [])
        yield* b.node.send(peer.id, "last", bytes("x"))
        const messages = [...yield* received]
        assert.deepStrictEqual(
          messages.map(({ payload, topic }) => `${topic} ${payload.length}`),
          [...sizes.map((size) => `many ${size}`), "last 1"]
        )
        for (const { payload, topic } of messages) {
          if (topic === "many") assert.isTrue(payload.every((byte) => byte === payload.length % 251))
        }
      })
  )

  world("of many messages those before one that cannot go are sent", () =>
    Effect.gen(function*() {
      const a = yield* start("A", { limits: { messageBytes: 1_000 } })
      const b = yield* start("B", { host: "10.0.0.2", limits: { messageBytes: 1_000 } })
      const all = (topic: string, ...sizes: ReadonlyArray<number>) =>
        Effect.map(
          Effect.flip(b.node.sendAll(a.node.peerId, topic, sizes.map((size) => new Uint8Array(size)))),
          ({ reason }) => reason
        )
      assert.strictEqual(yield* all("", 1), "NoSession")
      yield* b.node.connect(endpoint())
      const received = yield* Effect.fork(Stream.runCollect(Stream.take(a.node.messages, 2)))
      yield* settle
      assert.strictEqual(yield* all("a\nb", 1), "BadTopic")
      assert.strictEqual(yield* all("", 1, 1_001, 2), "MessageTooLong")
      assert.strictEqual(yield* all("", 3, 1_001), "MessageTooLong")
      assert.deepStrictEqual([...yield* received].map(({ payload }) => payload.length), [1, 3])
    }))

  world("a message that cannot go is refused by name", () =>
    Effect.gen(function*() {
      const a = yield* start("A", { limits: { messageBytes: 1_000 } })
      const b = yield* start("B", { host: "10.0.0.2", limits: { messageBytes: 1_000 } })
      const none = yield* Effect.flip(a.node.send(b.node.peerId, "", bytes("x")))
      assert.strictEqual(none.reason, "NoSession")
      const peer = yield* b.node.connect(endpoint())
      assert.strictEqual(
        (yield* Effect.flip(b.node.send(peer.id, "", new Uint8Array(1_001)))).reason,
        "MessageTooLong"
      )
      for (const topic of ["a\nb", "a\u200db", "a\u2028b", " a"]) {
        const bad = yield* Effect.flip(b.node.send(peer.id, topic, bytes("x")))
        assert.strictEqual(bad.reason, "BadTopic")
        assert.match(bad.message, /no control or format characters, no line separators, and no white space/)
      }
      yield* b.node.disconnect(peer.id)
      yield* settle
      assert.strictEqual((yield* Effect.flip(b.node.send(peer.id, "", bytes("x")))).reason, "NoSession")
    }))

  world(
    "functions take what comes and answer it in the same step, in order and both ways",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const b = yield* start("B", { host: "10.0.0.2" })
        const sizes = [0, 1, 100, 65_000, 65_483, 200_000]
        const received: Array<string> = []
        yield* Effect.fork(a.node.receive((messages) => {
          for (const { from, payload, topic } of messages) {
            assert.isTrue(a.node.offer(from, `again ${topic}`, payload))
          }
        }))
        yield* Effect.fork(b.node.receive((messages) => {
          for (const { payload, size, topic } of messages) {
            assert.strictEqual(payload.length, size)
            assert.isTrue(payload.every((byte) => byte === size % 251))
            received.push(`${topic} ${size}`)
          }
        }))
        const peer = yield* b.node.connect(endpoint())
        for (const size of sizes) {
          assert.isTrue(b.node.offer(peer.id, "echo", new Uint8Array(size).fill(size % 251)))
          yield* settle
        }
        assert.deepStrictEqual(received, sizes.map((size) => `again echo ${size}`))
        assert.strictEqual(yield* a.node.messagesDropped, 0)
      })
  )

  world("an offer is refused where it would have to wait, or could never go", () =>
    Effect.gen(function*() {
      const a = yield* start("A", { limits: { messageBytes: 200_000 } })
      const b = yield* start("B", { host: "10.0.0.2", limits: { messageBytes: 200_000 } })
      const received = yield* Effect.fork(Stream.runCollect(Stream.take(a.node.messages, 4)))
      assert.isFalse(b.node.offer(a.node.peerId, "", bytes("x")), "there is no session")
      yield* b.node.connect(endpoint())
      assert.isFalse(b.node.offer(a.node.peerId, "", new Uint8Array(200_001)), "it is too long")
      assert.isFalse(b.node.offer(a.node.peerId, " ", bytes("x")), "that is no topic")
      const half = new Uint8Array(150_000)
      assert.isTrue(b.node.offer(a.node.peerId, "first", half))
      assert.isTrue(b.node.offer(a.node.peerId, "second", half), "the first one is written")
      assert.isFalse(b.node.offer(a.node.peerId, "refused", half), "there is no space")
      yield* Effect.fork(b.node.send(a.node.peerId, "third", half))
      yield* settle
      assert.isTrue(b.node.offer(a.node.peerId, "fourth", half))
      assert.deepStrictEqual([...yield* received].map(({ topic }) => topic), [
        "first",
        "second",
        "third",
        "fourth"
      ])
    }))

  world("an offer of the longest message goes where nothing waits", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const received = yield* Effect.fork(Stream.runHead(a.node.messages))
      yield* b.node.connect(endpoint())
      assert.isTrue(b.node.offer(a.node.peerId, "", new Uint8Array(1_048_576)))
      assert.strictEqual((yield* Effect.flatten(received)).size, 1_048_576)
    }))

  for (const less of [0, 1, 40, 80, 120]) {
    world(
      `an offer of nearly as much as may ever wait, ${less} bytes less, does not end the session`,
      () =>
        Effect.gen(function*() {
          const limits = { messageBytes: 400_000, sendQueueSoftBytes: 50_000, sendQueueHardBytes: 400_000 }
          const a = yield* start("A", { limits })
          const b = yield* start("B", { host: "10.0.0.2", limits })
          const received = yield* Effect.fork(Stream.runHead(a.node.messages))
          yield* b.node.connect(endpoint())
          const taken = b.node.offer(a.node.peerId, "t".repeat(64), new Uint8Array(400_000 - less))
          yield* settle
          assert.strictEqual(taken, less >= 80)
          if (!taken) assert.isTrue(b.node.offer(a.node.peerId, "", bytes("x")))
          assert.strictEqual((yield* Effect.flatten(received)).size, taken ? 400_000 - less : 1)
        })
    )
  }

  world("messages that nobody takes are dropped and counted", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const peer = yield* b.node.connect(endpoint())
      for (let n = 0; n < 5; n++) yield* b.node.send(peer.id, "", bytes("x"))
      yield* settle
      assert.strictEqual(yield* a.node.messagesDropped, 5)
    }))

  world(
    "a node that stops says goodbye, and is dialled again by whoever wants it",
    () =>
      Effect.gen(function*() {
        const life = yield* Scope.make()
        const a = yield* Scope.extend(start("A"), life)
        const b = yield* start("B", { host: "10.0.0.2", ...wanted(endpoint()) })
        yield* settle
        yield* Effect.fork(Scope.close(life, Exit.void))
        yield* settle
        assert.strictEqual(states(b.events).at(-1), "Connected->Closed Shutdown")
        assert.strictEqual(states(a.events).at(-1), "Connected->Closed Stopped")
        assert.deepInclude(yield* b.counters, { peers_total: 1, peers_connected: 0, connect_failures: 0 })
        const [lost] = yield* b.node.peers
        assert.strictEqual(lost?.state, "Disconnected")
        assert.strictEqual(lost?.reason, "Shutdown")

        yield* pass(2500)
        yield* settle
        assert.deepInclude(yield* b.counters, { connect_attempts: 2, connect_failures: 1 })
        yield* start("A")
        yield* pass(20_000)
        yield* settle
        const after = yield* b.counters
        assert.strictEqual(after.peers_connected, 1)
        assert.strictEqual(after.connect_attempts, after.handshakes_completed + after.connect_failures)
      })
  )

  world("a lost peer is counted for a minute", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const peer = yield* b.node.connect(endpoint())
      assert.isTrue(yield* b.node.disconnect(peer.id))
      yield* settle
      assert.isFalse(yield* b.node.disconnect(peer.id))
      assert.deepInclude(yield* a.counters, { peers_total: 1, peers_connected: 0 })
      yield* pass(61_000)
      assert.deepInclude(yield* a.counters, { peers_total: 0, peers_connected: 0 })
      assert.deepStrictEqual(yield* a.node.peers, [])
    }))

  world("dials that fail are counted, backed off and explained", () =>
    Effect.gen(function*() {
      const b = yield* start("B", { host: "10.0.0.2" })
      const error = yield* Effect.flip(b.node.connect(endpoint()))
      assert.strictEqual(error.reason, "HostUnreachable")
      assert.isAtLeast(error.retryInMillis, 2_500)
      const again = yield* Effect.flip(b.node.connect(endpoint()))
      assert.strictEqual(again.reason, "backing off")
      assert.strictEqual(
        again.message,
        `10.0.0.1:9001: the endpoint failed a moment ago; try again in ${again.retryInMillis} ms`
      )
      assert.deepInclude(yield* b.counters, { connect_attempts: 1, connect_failures: 1, backoff_skips: 1 })
      const explained = yield* Effect.flatten(b.node.explain(endpoint()))
      assert.deepStrictEqual(explained.reason, Option.some("HostUnreachable"))
      assert.strictEqual(explained.failures, 1)
      yield* settle
      const failed = b.events.find((event) => event.ev === "dial.failed")
      assert.deepInclude(failed, { endpoint: "10.0.0.1:9001", reason: "HostUnreachable", failures: 1 })
    }))

  world("a wish that is given up at any moment leaves no dial in flight", () =>
    Effect.gen(function*() {
      const b = yield* start("B", { host: "10.0.0.2" })
      for (let turns = 0; turns < 12; turns++) {
        const to = endpoint(`10.0.1.${turns}`)
        // A fiber that yields often can be interrupted between any two of its steps.
        const wish = yield* Effect.fork(Effect.withMaxOpsBeforeYield(b.node.connect(to), 11))
        yield* Effect.repeatN(Effect.yieldNow(), turns)
        yield* Fiber.interruptFork(wish)
        yield* settle
        const known = Option.getOrUndefined(yield* b.node.explain(to))
        assert.isNotTrue(known?.inFlight, `given up after ${turns} turns`)
      }
      const { connect_attempts, connect_failures } = yield* b.counters
      assert.isAbove(connect_attempts, 0)
      assert.strictEqual(connect_attempts, connect_failures)
    }))

  world(
    "a peer that falls silent is Stale after 15 s and closed after two more intervals",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        yield* silent("10.0.0.2")
        yield* settle
        yield* pass(14_000)
        yield* settle
        assert.notInclude(states(a.events), "Connected->Stale Silence")
        yield* pass(2_000)
        yield* settle
        assert.strictEqual(states(a.events).at(-1), "Connected->Stale Silence")
        assert.deepInclude(yield* a.counters, { peers_total: 1, peers_connected: 1 })
        yield* pass(10_000)
        yield* settle
        assert.strictEqual(states(a.events).at(-1), "Stale->Closed Stale")
        assert.deepInclude(yield* a.counters, { peers_total: 1, peers_connected: 0 })
      })
  )

  world("a Stale peer that is heard again is Connected", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const { say } = yield* silent("10.0.0.2")
      yield* settle
      yield* pass(16_000)
      yield* say(Envelope.types.Ping, new Uint8Array(8))
      yield* settle
      assert.deepStrictEqual(states(a.events).slice(-2), [
        "Connected->Stale Silence",
        "Stale->Connected Heard"
      ])
    }))

  world(
    "the silent holder of a disputed node id loses it, and the newcomer's next dial succeeds",
    () =>
      Effect.gen(function*() {
        yield* start("A")
        yield* silent("10.0.0.2", "B")
        yield* settle
        const b = yield* start("B", { host: "10.0.0.3" })
        assert.strictEqual((yield* Effect.flip(b.node.connect(endpoint()))).reason, "NodeIdConflict")
        yield* pass(4_000)
        yield* settle
        assert.strictEqual((yield* b.node.connect(endpoint())).nodeId, "A")
      })
  )

  world("a node that dials itself finds out, once and for all", () =>
    Effect.gen(function*() {
      const a = yield* start("A", wanted(endpoint()))
      yield* settle
      assert.deepInclude(yield* a.counters, {
        peers_connected: 0,
        peers_total: 0,
        connect_attempts: 1,
        connect_failures: 0
      })
      yield* pass(60_000)
      assert.strictEqual((yield* a.counters).connect_attempts, 1)
      assert.strictEqual((yield* Effect.flip(a.node.connect(endpoint()))).reason, "self")
    }))

  world(
    "a dial that never leads anywhere is not to be tried again, and no event says when",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const idle = yield* start("B", { host: "10.0.0.2", dialling: false })
        const errors = [
          yield* Effect.flip(a.node.connect(endpoint())),
          yield* Effect.flip(a.node.connect(endpoint())),
          yield* Effect.flip(idle.node.connect(endpoint()))
        ]
        assert.deepStrictEqual(errors.map(({ reason, retryInMillis }) => [reason, retryInMillis]), [
          ["SelfConnection", Number.POSITIVE_INFINITY],
          ["self", Number.POSITIVE_INFINITY],
          ["NotDialling", Number.POSITIVE_INFINITY]
        ])
        yield* settle
        const verdicts = a.events.filter((event) => event.ev === "dial.verdict")
        assert.deepStrictEqual(verdicts.map(({ retryInMillis, verdict }) => [verdict, retryInMillis]), [
          ["dial", undefined],
          ["self", undefined]
        ])
      })
  )

  world(
    "a dial that finds no place in the table may be tried again in a while",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A", { limits: { endpoints: 1 }, ...wanted(endpoint("10.0.0.2")) })
        yield* settle
        const error = yield* Effect.flip(a.node.connect(endpoint("10.0.0.3")))
        assert.deepStrictEqual([error.reason, error.retryInMillis], ["limit", 2_500])
      })
  )

  world(
    "nodes that dial each other at once end with one session and no failure",
    () =>
      Effect.gen(function*() {
        const [a, b] = yield* Effect.all([
          start("A", wanted(endpoint("10.0.0.2"))),
          start("B", { host: "10.0.0.2", ...wanted(endpoint("10.0.0.1")) })
        ], { concurrency: 2 })
        yield* settle
        yield* pass(3_000)
        yield* settle
        const counters = [yield* a.counters, yield* b.counters]
        for (const { connect_failures, peers_connected, peers_total } of counters) {
          assert.deepStrictEqual([peers_total, peers_connected, connect_failures], [1, 1, 0])
        }
        assert.strictEqual(yield* session(a), yield* session(b))
      })
  )

  world(
    "a hint gives way once to whoever is just coming in from the same host",
    () =>
      Effect.gen(function*() {
        const hints = yield* Mailbox.make<Candidate>()
        const a = yield* start("A", { heard: Mailbox.toStream(hints) })
        const transport = yield* MemoryTransport.make({ host: "10.0.0.2" })
        yield* transport.dial(endpoint())
        yield* settle
        const hint = { endpoint: endpoint("10.0.0.2"), nodeId: "B" }
        yield* hints.offer(hint)
        yield* settle
        assert.deepInclude(yield* a.counters, { connect_attempts: 0, connect_deduped: 1 })
        yield* pass(1_000)
        yield* hints.offer(hint)
        yield* settle
        assert.deepInclude(yield* a.counters, { connect_attempts: 1, connect_deduped: 1 })
      })
  )

  world(
    "of two nodes that hear each other the one with the smaller key dials first",
    () =>
      Effect.gen(function*() {
        const hints = yield* Mailbox.make<Candidate>()
        const a = yield* start("A", { heard: Mailbox.toStream(hints) })
        yield* hints.offer({ endpoint: endpoint("10.0.0.2"), nodeId: "B", key: "f".repeat(16) })
        yield* settle
        assert.strictEqual((yield* a.counters).connect_attempts, 1)
        yield* hints.offer({ endpoint: endpoint("10.0.0.3"), nodeId: "C", key: "0".repeat(16) })
        yield* settle
        assert.strictEqual((yield* a.counters).connect_attempts, 1)
        yield* pass(100)
        assert.strictEqual((yield* a.counters).connect_attempts, 2)
      })
  )

  world("a second node with the same id is refused and both are warned", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const twin = yield* start("A", { host: "10.0.0.2" })
      const error = yield* Effect.flip(twin.node.connect(endpoint()))
      assert.strictEqual(error.reason, "NodeIdConflict")
      yield* settle
      for (const { events } of [a, twin]) {
        assert.isDefined(
          events.find((event) => event.ev === "id.conflict" && event.reason === "NodeIdConflict")
        )
      }
      assert.deepInclude(yield* a.counters, { peers_total: 0, handshakes_completed: 0 })
    }))

  world("who asks for a dial that is under way waits for the same session", () =>
    Effect.gen(function*() {
      yield* start("A")
      const { counters, node } = yield* start("B", { host: "10.0.0.2" })
      const [one, other] = yield* Effect.all([node.connect(endpoint()), node.connect(endpoint())], {
        concurrency: "unbounded"
      })
      assert.strictEqual(one.session, other.session)
      assert.strictEqual((yield* counters).connect_attempts, 1)
    }))

  world(
    "a dial that was refused backs off, though its connection still says goodbye",
    () =>
      Effect.gen(function*() {
        yield* start("A")
        const twin = yield* start("A", { host: "10.0.0.2" })
        const refused = () => Effect.flip(twin.node.connect(endpoint()))
        assert.strictEqual((yield* refused()).reason, "NodeIdConflict")
        assert.strictEqual((yield* refused()).reason, "backing off")
        yield* settle
        assert.lengthOf(twin.events.filter(({ ev }) => ev === "dial.verdict"), 2)
      })
  )

  world(
    "a restarted node takes its name back, once its old self has not answered",
    () =>
      Effect.gen(function*() {
        const c = yield* start("C", { host: "10.0.0.3" })
        const old = yield* start("B", { host: "10.0.0.2" })
        yield* old.node.connect(endpoint("10.0.0.3"))
        const other = yield* start("B", { host: "10.0.0.4" })
        const refused = yield* Effect.flip(other.node.connect(endpoint("10.0.0.3")))
        assert.strictEqual(refused.reason, "NodeIdConflict")
        yield* pass(5_000)
        assert.deepInclude(
          yield* c.counters,
          { peers_connected: 1 },
          "the holder answered and keeps its name"
        )
      })
  )

  world("two nodes with one key say so", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const clone = yield* start("B", { host: "10.0.0.2", identity: a.identity })
      const error = yield* Effect.flip(clone.node.connect(endpoint()))
      assert.strictEqual(error.reason, "DuplicateIdentity")
      yield* settle
      assert.isDefined(
        a.events.find((event) => event.ev === "id.conflict" && event.reason === "DuplicateIdentity")
      )
    }))

  world("a private network lets in only who holds its key", () =>
    Effect.gen(function*() {
      const key = (fill: number) => Option.some(Redacted.make(new Uint8Array(32).fill(fill)))
      const a = yield* start("A", { networkKey: key(1) })
      const stranger = yield* start("B", { host: "10.0.0.2" })
      const other = yield* start("C", { host: "10.0.0.3", networkKey: key(2) })
      const member = yield* start("D", { host: "10.0.0.4", networkKey: key(1) })
      assert.strictEqual((yield* Effect.flip(stranger.node.connect(endpoint()))).reason, "RemoteClosed")
      assert.strictEqual((yield* Effect.flip(other.node.connect(endpoint()))).reason, "RemoteClosed")
      assert.strictEqual((yield* member.node.connect(endpoint())).nodeId, "A")
      yield* settle
      const rejected = a.events.flatMap((event) => event.ev === "handshake.rejected" ? [event.reason] : [])
      assert.deepStrictEqual(rejected, ["NotMember", "NotMember"])
    }))

  world("pins, known peers, deny-lists and allow-lists are kept", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const pin = (id: typeof a.node.peerId) => ({ pins: new Map([[endpoint().toString(), id]]) })
      const wrong = yield* start("B", { host: "10.0.0.2" })
      const b = yield* start("B1", { host: "10.0.0.3", ...pin(wrong.node.peerId) })
      assert.strictEqual((yield* Effect.flip(b.node.connect(endpoint()))).reason, "IdentityMismatch")
      const pinned = yield* start("B2", { host: "10.0.0.4", ...pin(a.node.peerId) })
      assert.strictEqual((yield* pinned.node.connect(endpoint())).trust, "pinned")
      const denying = yield* start("B3", { host: "10.0.0.5", denied: new Set([a.node.peerId]) })
      assert.strictEqual((yield* Effect.flip(denying.node.connect(endpoint()))).reason, "NotAllowed")
      const strict = yield* start("C", {
        host: "10.0.0.6",
        allowed: Option.some(new Set([wrong.node.peerId]))
      })
      assert.strictEqual((yield* Effect.flip(a.node.connect(endpoint("10.0.0.6")))).reason, "NotAllowed")
      assert.strictEqual((yield* wrong.node.connect(endpoint("10.0.0.6"))).nodeId, "C")
      yield* settle
      assert.deepInclude(yield* strict.counters, {
        peers_connected: 1,
        handshakes_started: 2,
        handshakes_completed: 1
      })
      const knowing = yield* start("D", {
        host: "10.0.0.7",
        knownPeers: new Map([[a.node.id, wrong.node.peerId]])
      })
      assert.strictEqual((yield* Effect.flip(knowing.node.connect(endpoint()))).reason, "IdentityMismatch")
    }))

  world("nothing is dialled by a node that does not dial, and it accepts", () =>
    Effect.gen(function*() {
      yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2", dialling: false, ...wanted(endpoint()) })
      yield* pass(10_000)
      assert.deepInclude(yield* b.counters, { connect_attempts: 0, tracked_endpoints: 0 })
      const error = yield* Effect.flip(b.node.connect(endpoint()))
      assert.strictEqual(error.reason, "NotDialling")
      assert.include(error.message, "`dialling: false`")
      const c = yield* start("C", { host: "10.0.0.3" })
      assert.strictEqual((yield* c.node.connect(endpoint("10.0.0.2"))).nodeId, "B")
    }))

  world("a full node keeps its places", () =>
    Effect.gen(function*() {
      const a = yield* start("A", { limits: { peers: 2 } })
      for (const n of [2, 3]) {
        const peer = yield* start(`P${n}`, { host: `10.0.0.${n}` })
        yield* peer.node.connect(endpoint())
      }
      const third = yield* start("P4", { host: "10.0.0.4" })
      const full = yield* Effect.flip(third.node.connect(endpoint()))
      assert.strictEqual(full.reason, "TooManyPeers")
      assert.match(full.message, /at this node or at the other; raise --max-peers \(`limits\.peers`\) there/)
      assert.deepInclude(yield* a.counters, { peers_connected: 2 })
    }))

  world("an endpoint is wanted for as long as its scope is open", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const wish = yield* Scope.make()
      yield* Scope.extend(b.node.want(endpoint()), wish)
      yield* pass(1)
      assert.deepInclude(yield* b.counters, { peers_connected: 1 })
      yield* a.node.disconnect(b.node.peerId)
      yield* settle
      yield* pass(3_000)
      assert.deepInclude(yield* b.counters, { peers_connected: 1, connect_attempts: 2, backoff_skips: 0 })
      yield* Scope.close(wish, Exit.void)
      yield* a.node.disconnect(b.node.peerId)
      yield* pass(30_000)
      assert.deepInclude(yield* b.counters, { peers_connected: 0, connect_attempts: 2 })
    }))

  world("hints are followed while few dials are under way, and wishes always", () =>
    Effect.gen(function*() {
      const hints = yield* Mailbox.make<Candidate>()
      const a = yield* start("A", { heard: Mailbox.toStream(hints), limits: { hintedDials: 3 } })
      const mute = yield* MemoryTransport.make({ host: "10.0.0.2" })
      const reception = { admit: () => true, handle: () => Effect.never }
      const ports = [1, 2, 3, 4, 5]
      for (const port of ports) yield* mute.listen({ host: "10.0.0.2", port }, reception)
      for (const port of ports) {
        yield* hints.offer({ endpoint: endpoint("10.0.0.2", port), nodeId: `B${port}` })
      }
      yield* settle
      assert.deepInclude(yield* a.counters, { connect_attempts: 3 })
      yield* Effect.fork(a.node.connect(endpoint("10.0.0.2", 5)))
      yield* settle
      assert.deepInclude(yield* a.counters, { connect_attempts: 4 })
      // The handshakes run out of time.
      yield* pass(6_000)
      yield* hints.offer({ endpoint: endpoint("10.0.0.2", 4), nodeId: "B4" })
      yield* settle
      assert.deepInclude(yield* a.counters, { connect_attempts: 5, connect_failures: 4 })
    }))

  world("a node that a third one refuses for its name learns why", () =>
    Effect.gen(function*() {
      yield* start("C")
      const [first, second] = [
        yield* start("B", { host: "10.0.0.2" }),
        yield* start("B", { host: "10.0.0.3" })
      ]
      yield* first.node.connect(endpoint())
      const refusal = yield* Effect.flip(second.node.connect(endpoint()))
      assert.strictEqual(refusal.reason, "NodeIdConflict")
      yield* settle
      assert.deepStrictEqual(
        second.events.flatMap((event) => event.ev === "id.conflict" ? [[event.nodeId, event.reason]] : []),
        [["C", "NodeIdConflict"]]
      )
    }))

  world("a peer is shown once while a session takes the place of another", () =>
    Effect.gen(function*() {
      const a = yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const { session } = yield* b.node.connect(endpoint())
      yield* settle
      const again = yield* start("B", { host: "10.0.0.3", identity: b.identity })
      const dialling = yield* Effect.fork(again.node.connect(endpoint()))
      for (let turn = 0; turn < 100; turn++) {
        assert.lengthOf(yield* a.node.peers, 1, `turn ${turn}`)
        yield* Effect.yieldNow()
      }
      const after = yield* Fiber.join(dialling)
      assert.notStrictEqual(after.session, session)
      assert.deepStrictEqual((yield* a.node.peers).map(({ session }) => session), [after.session])
    }))

  world(
    "a peer is shown for as long as it is counted, though it came back as one that wants nobody",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const b = yield* start("B", { host: "10.0.0.2" })
        yield* a.node.connect(endpoint("10.0.0.2"))
        yield* start("B", { host: "10.0.0.3", identity: b.identity, denied: new Set([a.node.peerId]) })
        yield* Effect.flip(a.node.connect(endpoint("10.0.0.3")))
        yield* settle
        assert.deepInclude(yield* a.counters, { peers_total: 1, peers_connected: 0 })
        assert.deepStrictEqual((yield* a.node.peers).map(({ id }) => id), [b.node.peerId])
      })
  )

  world("a peer that was just said goodbye to is dialled anew", () =>
    Effect.gen(function*() {
      yield* start("A")
      const b = yield* start("B", { host: "10.0.0.2" })
      const before = yield* b.node.connect(endpoint())
      assert.isTrue(yield* b.node.disconnect(before.id))
      const after = yield* b.node.connect(endpoint())
      assert.notStrictEqual(after.session, before.session)
      yield* b.node.send(after.id, "still there?", new Uint8Array(1))
    }))

  world(
    "a peer that lets no frame open shows no sign of life, whatever bytes come",
    () =>
      Effect.gen(function*() {
        const a = yield* start("A")
        const { spell } = yield* silent("10.0.0.2")
        const bytes = spell(Envelope.types.Ping, new Uint8Array(8))
        for (const byte of bytes.slice(0, 16)) yield* Effect.zipRight(byte, pass(1_000))
        assert.deepStrictEqual(states(a.events).slice(2), ["Connected->Stale Silence"])
        for (const byte of bytes.slice(16)) yield* byte
        yield* settle
        assert.deepStrictEqual(states(a.events).slice(3), ["Stale->Connected Heard"])
      })
  )

  world("what waits for a peer is given time after the process has slept", () =>
    Effect.gen(function*() {
      const { clock, sleep } = sleepy(yield* Effect.clock)
      const { events, node } = yield* Effect.withClock(start("A"), clock)
      yield* silent("10.0.0.2")
      yield* pass(1_000)
      const [peer] = yield* node.peers
      if (peer === undefined) return assert.fail("no peer")
      // More than the connection takes, so that the second one waits.
      yield* node.send(peer.id, "t", new Uint8Array(100_000))
      yield* settle
      yield* node.send(peer.id, "t", new Uint8Array(10))
      yield* settle
      sleep(20_000)
      yield* pass(4_000)
      assert.deepStrictEqual(states(events).slice(2), [])
      yield* pass(2_000)
      assert.deepStrictEqual(states(events).slice(2), ["Connected->Stale Silence", "Stale->Closed SlowPeer"])
    }))
})

/** A clock that can be put on while nothing runs, as that of a process that was stopped. */
const sleepy = (base: Clock.Clock) => {
  let slept = 0
  const unsafeCurrentTimeMillis = () => base.unsafeCurrentTimeMillis() + slept
  const unsafeCurrentTimeNanos = () => base.unsafeCurrentTimeNanos() + BigInt(slept) * 1_000_000n
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) => base.sleep(duration)
  }
  return { clock, sleep: (millis: number) => void (slept += millis) }
}
