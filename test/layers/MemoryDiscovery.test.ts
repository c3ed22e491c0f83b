import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Candidate } from "../../src/domain/Candidate.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as MemoryAir from "../../src/layers/MemoryAir.js"
import * as MemoryDiscovery from "../../src/layers/MemoryDiscovery.js"
import * as MemoryNetwork from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as NoBootstrap from "../../src/layers/NoBootstrap.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../../src/layers/StandardNode.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import type { Report } from "../../src/services/Discovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"
import { type Heard, type Options, start } from "./Discovery.contract.js"
import { pass, settle } from "./nodes.js"

const { port } = DiscoveryConfig.defaults

const discovery = (id: string, hosts: ReadonlyArray<string> = ["10.0.0.1"], options: Options = {}) =>
  start(id, MemoryDiscovery.layer({ hosts }), { intervalMillis: 2_000, ...options })

/** All that a discovery told so far. */
const told = ({ reports }: Heard) => collect<Report>(reports)

const heard = ({ announcements }: Heard) => collect<Candidate>(announcements)

const collect = <A>(stream: Stream.Stream<A>): Effect.Effect<ReadonlyArray<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const items: Array<A> = []
    yield* Effect.forkScoped(Stream.runForEach(stream, (item) => Effect.sync(() => items.push(item))))
    yield* settle
    return items
  })

/** When beacons of 10.0.0.1 came by from now on, in milliseconds. */
const times: Effect.Effect<ReadonlyArray<number>, never, MemoryAir.MemoryAir | Scope.Scope> = Effect.gen(
  function*() {
    const clock = yield* Effect.clock
    const began = yield* Clock.currentTimeMillis
    const passed: Array<number> = []
    yield* (yield* MemoryAir.MemoryAir).listen(port, (_, host) => {
      if (host === "10.0.0.1") passed.push(clock.unsafeCurrentTimeMillis() - began)
    })
    return passed
  }
)

/** Lets time pass in steps so small that what a step wakes is seen at its own time. */
const run = (millis: number) => Effect.repeatN(Effect.zipRight(TestClock.adjust(10), settle), millis / 10 - 1)

/** Says on the air what another node might. */
const say = (id: string, host: string, nonce: number) =>
  Effect.map(MemoryAir.MemoryAir, (air) => {
    const key = Buffer.from(id.padEnd(8)).toString("hex").slice(0, 16)
    const beacon = {
      node_id: id,
      tcp_port: 9_009,
      ts_ms: 0,
      nonce,
      cap: { transport: "tcp", proto: "2.0", key }
    }
    air.say(port, new TextEncoder().encode(JSON.stringify(beacon)), host)
  })

const error = (reason: string) => (report: Report) => report.ev === "beacon.error" && report.reason === reason

describe("beacons", () => {
  it.scoped("leave at once when a port is announced, then every interval, a tenth more or less", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice")
      const beacons = yield* times
      yield* pass(1_000)
      assert.deepStrictEqual(beacons, [])
      yield* alice.discovery.announce(9_001)
      yield* run(11_000)
      const [first = 0] = beacons
      assert.isTrue(first >= 1_000 && first <= 1_110, `${first}`)
      assert.isAtLeast(beacons.length, 5)
      beacons.slice(1).forEach((at, index) => {
        const gap = at - (beacons[index] ?? 0)
        assert.isTrue(gap >= 1_790 && gap <= 2_210, `${gap}`)
      })
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.scoped("leave no more once the announcement is taken back", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice")
      const beacons = yield* times
      yield* Effect.scoped(Effect.zipRight(alice.discovery.announce(9_001), pass(3_000)))
      const count = beacons.length
      assert.isAtLeast(count, 2)
      yield* pass(10_000)
      assert.strictEqual(beacons.length, count)
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.scoped("greet a newcomer early, and one in each interval at most", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice")
      yield* alice.discovery.announce(9_001)
      yield* pass(500)
      const beacons = yield* times
      yield* say("bob", "10.0.0.2", 1)
      yield* run(110)
      assert.strictEqual(beacons.length, 1)
      for (let at = 0; at < 50; at++) {
        yield* say(`c${at}`, `10.0.1.${at}`, at)
        yield* say("bob", "10.0.0.2", 100 + at)
        yield* run(10)
      }
      assert.strictEqual(beacons.length, 1)
      yield* pass(2_500)
      yield* say("dave", "10.0.0.3", 1)
      const before = beacons.length
      yield* run(110)
      assert.strictEqual(beacons.length, before + 1)
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.effect("greet the sooner, the fewer others are heard", () =>
    Effect.gen(function*() {
      /** How long newcomers wait for their greeting, milliseconds. */
      const waits = (others: number) =>
        Effect.forEach(range(20), () =>
          Effect.gen(function*() {
            const alice = yield* discovery("alice")
            yield* alice.discovery.announce(9_001)
            for (let at = 0; at < others; at++) yield* say(`o${at}`, `10.0.1.${at}`, at)
            yield* pass(2_500)
            const beacons = yield* times
            yield* say("bob", "10.0.0.2", 1)
            yield* run(110)
            return beacons[0] ?? Infinity
          }).pipe(Effect.scoped, Effect.provide(Layer.fresh(MemoryAir.layer))))
      const [few, many] = [yield* waits(0), yield* waits(30)]
      // Herself and the newcomer.
      assert.isAtMost(Math.max(...few), 2 * Limits.defaults.beaconJitterPerNodeMillis)
      assert.isAbove(Math.max(...many), 50)
      assert.isAtMost(Math.max(...many), Limits.defaults.beaconJitterMillis)
    }))

  it.scoped("of one node by several interfaces are one candidate a round, the others counted", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice", ["10.0.0.1", "10.1.0.1"])
      const bob = yield* discovery("bob", ["10.0.0.2", "10.1.0.2", "10.2.0.2"])
      const candidates = yield* heard(alice)
      const reports = yield* told(alice)
      yield* bob.discovery.announce(9_002)
      yield* pass(10_000)
      const rounds = reports.filter(({ ev }) => ev === "beacon.received").length
      assert.isAtLeast(rounds, 4)
      assert.deepStrictEqual(
        candidates.map(({ endpoint }) => `${endpoint}`),
        Array.from({ length: rounds }, () => "10.0.0.2:9002")
      )
      assert.strictEqual((yield* alice.stats.snapshot).connect_deduped, 2 * rounds)
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.scoped("that never come are told of once, after three intervals", () =>
    Effect.gen(function*() {
      const alone = yield* discovery("alone")
      yield* alone.discovery.announce(9_001)
      const reports = yield* told(alone)
      yield* pass(5_000)
      assert.deepStrictEqual(reports.filter(error("Silence")), [])
      yield* pass(60_000)
      const [hint, ...more] = reports.filter(error("Silence"))
      assert.deepStrictEqual(more, [])
      assert.match(hint?.ev === "beacon.error" ? hint.detail : "", /UDP port 37020 \(broadcast\)/)
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.scoped("that come make no such hint, not even after they end", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice")
      yield* say("bob", "10.0.0.2", 1)
      const reports = yield* told(alice)
      yield* pass(60_000)
      assert.deepStrictEqual(reports.filter(({ ev }) => ev === "beacon.error"), [])
    }).pipe(Effect.provide(MemoryAir.layer)))

  it.scoped("in a flood are dropped beyond a bound, which is told once for as long as it lasts", () =>
    Effect.gen(function*() {
      const alice = yield* discovery("alice")
      const [reports, candidates] = [yield* told(alice), yield* heard(alice)]
      const flood = (rounds: number) =>
        Effect.forEach(
          Array.from({ length: rounds }),
          (_, at) =>
            Effect.zipRight(
              Effect.forEach(range(100), (one) => say("bob", "10.0.0.2", 100 * at + one)),
              run(10)
            )
        )
      yield* flood(500)
      yield* pass(5_000)
      assert.strictEqual(reports.filter(error("RateLimited")).length, 1)
      assert.isAtMost(candidates.length, 400 + 200 * 5)
      yield* flood(100)
      yield* pass(5_000)
      assert.strictEqual(reports.filter(error("RateLimited")).length, 2)
    }).pipe(Effect.provide(MemoryAir.layer)))
})

const range = (length: number) => Array.from({ length }, (_, at) => at)

const node = (id: string, host: string, settings: Partial<NodeConfig.Settings> = {}) =>
  Effect.gen(function*() {
    const services = yield* Layer.build(Layer.fresh(
      StandardNode.layer.pipe(
        Layer.provide([
          MemoryDiscovery.layer({ hosts: [host, `1${host}`] }),
          MemoryTransport.layer({ host })
        ]),
        Layer.provideMerge(StandardConnectionGuard.layer),
        Layer.provideMerge(StandardStats.layer),
        Layer.provide([EphemeralIdentity.layer, NoBootstrap.layer]),
        Layer.provide([
          NodeEntropy.layer,
          DiscoveryConfig.layer(),
          NodeConfig.layer({ id: NodeId.make(id), port: 9_001, ...settings })
        ])
      )
    ))
    const peers = Effect.map(
      Context.get(services, Node).peers,
      (all) => all.filter(({ state }) => state === "Connected").map(({ nodeId }) => String(nodeId)).sort()
    )
    return { peers, counters: Context.get(services, Stats).snapshot }
  })

const world = Layer.merge(MemoryAir.layer, MemoryNetwork.layer)

describe("nodes that hear each other", () => {
  it.scoped("are connected 250 ms after the second one listens", () =>
    Effect.gen(function*() {
      const alice = yield* node("alice", "10.0.0.1")
      yield* pass(7_777)
      const bob = yield* node("bob", "10.0.0.2")
      yield* run(250)
      assert.deepStrictEqual([yield* alice.peers, yield* bob.peers], [["bob"], ["alice"]])
    }).pipe(Effect.provide(world)))

  it.scoped("become one mesh with one session for each pair, and stay it without another dial", () =>
    Effect.gen(function*() {
      const nodes = yield* Effect.forEach(range(8), (at) => node(`n${at}`, `10.0.0.${at + 1}`))
      yield* pass(10_000)
      const attempts = yield* Effect.forEach(
        nodes,
        ({ counters }) => Effect.map(counters, (all) => all.connect_attempts)
      )
      yield* pass(20_000)
      for (const [at, { counters, peers }] of nodes.entries()) {
        assert.deepStrictEqual(
          yield* peers,
          range(8).filter((other) => other !== at).map((other) => `n${other}`)
        )
        const { connect_attempts, connect_failures, peers_connected } = yield* counters
        assert.deepStrictEqual([connect_attempts, connect_failures, peers_connected], [
          attempts[at] ?? -1,
          0,
          7
        ])
      }
    }).pipe(Effect.provide(world)))

  it.scoped("and are told to connect, too, are one peer all the same", () =>
    Effect.gen(function*() {
      const alice = yield* node("alice", "10.0.0.1")
      const bob = yield* node("bob", "10.0.0.2", { connect: [Endpoint.make("10.0.0.1", 9_001)] })
      yield* pass(20_000)
      assert.deepStrictEqual([yield* alice.peers, yield* bob.peers], [["bob"], ["alice"]])
      const { connect_attempts, connect_deduped } = yield* bob.counters
      assert.strictEqual(connect_attempts, 1)
      assert.isAtLeast(connect_deduped, 8)
    }).pipe(Effect.provide(world)))

  it.scoped("in one private network meet, and strangers do not", () =>
    Effect.gen(function*() {
      const member = { networkKey: Option.some(Redacted.make(new Uint8Array(32).fill(7))) }
      const [alice, bob] = [yield* node("alice", "10.0.0.1", member), yield* node("bob", "10.0.0.2", member)]
      const stranger = yield* node("stranger", "10.0.0.3")
      yield* pass(10_000)
      assert.deepStrictEqual([yield* alice.peers, yield* bob.peers, yield* stranger.peers], [["bob"], [
        "alice"
      ], []])
      assert.strictEqual((yield* stranger.counters).connect_attempts, 0)
    }).pipe(Effect.provide(world)))
})
