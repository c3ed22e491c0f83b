import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "../../src/domain/Candidate.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { Needs } from "../../src/internal/beacons.js"
import { Hub } from "../../src/internal/hub.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import { Discovery, type Report } from "../../src/services/Discovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import { Identity } from "../../src/services/Identity.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"

export interface Options extends Partial<DiscoveryConfig.Settings> {
  readonly node?: Partial<Omit<NodeConfig.Settings, "id">>
  /** The key of an earlier one; a fresh one without it. */
  readonly identity?: Identity["Type"]
}

export interface Heard {
  readonly discovery: Discovery["Type"]
  readonly announcements: Stream.Stream<Candidate>
  /** From the start for the first to run it. */
  readonly reports: Stream.Stream<Report>
  readonly identity: Identity["Type"]
  readonly stats: Stats["Type"]
  /** The key as beacons name it. */
  readonly key: string
}

/** The discovery of a node with that id, for as long as the scope is open. */
export const start = <R>(
  id: string,
  layer: Layer.Layer<Discovery, never, Needs | R>,
  { identity, node, ...settings }: Options = {}
): Effect.Effect<Heard, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const services = yield* Layer.build(Layer.fresh(layer.pipe(
      Layer.provideMerge(
        identity === undefined ? EphemeralIdentity.layer : Layer.succeed(Identity, identity)
      ),
      Layer.provideMerge(StandardStats.layer),
      Layer.provide([
        NodeEntropy.layer,
        DiscoveryConfig.layer({ intervalMillis: 150, ...settings }),
        NodeConfig.layer({ id: NodeId.make(id), ...node })
      ])
    )))
    const own = Context.get(services, Identity)
    const discovery = Context.get(services, Discovery)
    const hub = <A>() => new Hub<A>({ limit: 1_000, early: 1_000, sizeOf: () => 1 })
    const [announcements, reports] = [hub<Candidate>(), hub<Report>()]
    yield* discovery.listen({
      candidate: (candidate) => announcements.publish(candidate),
      report: (report) => reports.publish(report)
    })
    return {
      discovery,
      announcements: announcements.stream,
      reports: reports.stream,
      identity: own,
      stats: Context.get(services, Stats),
      key: Beacon.keyOf(own.peerId)
    }
  })

/** The first candidates that a node hears. */
export const candidates = (
  { announcements }: Heard,
  count: number
): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.map(Stream.runCollect(Stream.take(announcements, count)), Chunk.toReadonlyArray)

/** What is told, up to and with the first report that is looked for. */
export const reports = (
  { reports }: Heard,
  last: (report: Report) => boolean
): Effect.Effect<ReadonlyArray<Report>> =>
  Effect.map(Stream.runCollect(Stream.takeUntil(reports, last)), Chunk.toReadonlyArray)

export const received =
  (nodeId: string) => (report: Report): report is Extract<Report, { readonly ev: "beacon.received" }> =>
    report.ev === "beacon.received" && report.nodeId === nodeId

/** What every layer of `Discovery` has to do; `host` is the address that its nodes are heard from. */
export const contract = <R>(
  name: string,
  layer: Layer.Layer<Discovery, never, Needs | R>,
  settings: Partial<DiscoveryConfig.Settings>,
  /** Where the nodes of one test hear each other. */
  world: Layer.Layer<R>,
  host: string,
  run: (title: string, body: () => Effect.Effect<void, never, Scope.Scope>) => void = it.scopedLive
): void => {
  const node = (id: string, options: Options = {}) => start(id, layer, { ...settings, ...options })
  const test = (title: string, body: Effect.Effect<void, never, R | Scope.Scope>) =>
    run(title, () => Effect.provide(body, Layer.fresh(world)))

  describe(name, () => {
    test(
      "nodes hear each other where they listen, with key and id",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob")]
        yield* alice.discovery.announce(9_001)
        yield* bob.discovery.announce(9_002)
        const [atAlice, atBob] = yield* Effect.all([candidates(alice, 1), candidates(bob, 1)], {
          concurrency: 2
        })
        assert.deepStrictEqual(atAlice.map(({ endpoint, key, nodeId }) => [`${endpoint}`, key, nodeId]), [
          [`${host}:9002`, bob.key, "bob"]
        ])
        assert.deepStrictEqual(atBob.map(({ endpoint, key }) => [`${endpoint}`, key]), [
          [`${host}:9001`, alice.key]
        ])
      })
    )

    test(
      "a node hears others again and again, whether it announces itself or not",
      Effect.gen(function*() {
        const [silent, bob] = [yield* node("silent"), yield* node("bob")]
        yield* bob.discovery.announce(9_002)
        assert.strictEqual((yield* candidates(silent, 3)).length, 3)
      })
    )

    test(
      "our own beacon is recognised and leads nowhere",
      Effect.gen(function*() {
        const alice = yield* node("alice")
        const bob = yield* node("bob")
        yield* alice.discovery.announce(9_001)
        const told = yield* reports(alice, received("alice"))
        assert.deepInclude(told.at(-1), { own: true, key: alice.key, endpoint: `${host}:9001` })
        yield* bob.discovery.announce(9_002)
        const [first] = yield* candidates(alice, 1)
        assert.strictEqual(first?.nodeId, "bob")
      })
    )

    test(
      "another node with our id is heard like any other",
      Effect.gen(function*() {
        const [one, two] = [yield* node("same"), yield* node("same")]
        yield* one.discovery.announce(9_001)
        yield* two.discovery.announce(9_002)
        const [first] = yield* candidates(one, 1)
        assert.deepInclude(first, { nodeId: "same", key: two.key })
      })
    )

    test(
      "tells what was sent and what was heard, the first to ask from the start",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob")]
        yield* alice.discovery.announce(9_001)
        yield* bob.discovery.announce(9_002)
        yield* candidates(alice, 1)
        const missing = new Set(["bob", "sent"])
        const told = yield* reports(alice, (report) => {
          missing.delete(
            report.ev === "beacon.received" ? report.nodeId : report.ev === "beacon.sent" ? "sent" : ""
          )
          return missing.size === 0
        })
        const [heard, sent] = [told.find(received("bob")), told.find(({ ev }) => ev === "beacon.sent")]
        assert.deepInclude(heard, { own: false, key: bob.key, endpoint: `${host}:9002` })
        assert.deepInclude(sent, { datagrams: 1 })
        assert.deepStrictEqual(told.filter(({ ev }) => ev === "beacon.error"), [])
      })
    )

    test(
      "tells every listener while its scope is open, and the first one what came before",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob")]
        yield* bob.discovery.announce(9_002)
        yield* candidates(alice, 1)
        const listener = () => {
          const told: Array<Candidate | Report> = []
          const note = (one: Candidate | Report): void => void told.push(one)
          return { told, candidate: note, report: note }
        }
        const [here, gone] = [listener(), listener()]
        yield* alice.discovery.listen(here)
        yield* Effect.scoped(Effect.zipRight(
          alice.discovery.listen(gone),
          candidates(alice, 3)
        ))
        const { length } = gone.told
        assert.isAtLeast(length, 2)
        assert.deepStrictEqual(here.told, gone.told)
        yield* candidates(alice, 2)
        assert.strictEqual(gone.told.length, length)
        assert.isAbove(here.told.length, length)
      })
    )

    test(
      "one private network does not hear another, nor the open one",
      Effect.gen(function*() {
        const inside = (byte: number) => ({
          node: { networkKey: Option.some(Redacted.make(new Uint8Array(32).fill(byte))) }
        })
        const nodes = yield* Effect.all([
          node("open"),
          node("one", inside(1)),
          node("other", inside(2)),
          node("member", inside(1))
        ])
        yield* Effect.forEach(nodes, ({ discovery }, at) => discovery.announce(9_001 + at))
        const [open, one] = nodes
        assert.deepStrictEqual((yield* candidates(one, 3)).map(({ nodeId }) => nodeId), [
          "member",
          "member",
          "member"
        ])
        // All four have spoken by now, and nothing was worth a dial to the one in the open network.
        const told = yield* reports(open, received("open"))
        assert.deepStrictEqual(told.filter((report) => report.ev === "beacon.received" && !report.own), [])
      })
    )

    test(
      "another port is another world",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob")]
        const far = yield* node("far", { port: (settings.port ?? DiscoveryConfig.defaults.port) + 1 })
        yield* Effect.forEach([far, alice, bob], ({ discovery }, at) => discovery.announce(9_001 + at))
        yield* reports(far, received("far"))
        assert.deepStrictEqual((yield* candidates(alice, 4)).map(({ nodeId }) => nodeId), [
          "bob",
          "bob",
          "bob",
          "bob"
        ])
      })
    )

    test(
      "a mapped port is announced in the place of our own",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob", { advertise: Option.some(4_711) })]
        yield* bob.discovery.announce(9_002)
        assert.strictEqual((yield* candidates(alice, 1))[0]?.endpoint.port, 4_711)
      })
    )

    test(
      "a node without a place says so, and leads to no dial until it has one again",
      Effect.gen(function*() {
        const [alice, bob] = [yield* node("alice"), yield* node("bob")]
        let takesStrangers = false
        yield* bob.discovery.announce(9_002, () => takesStrangers)
        const told = yield* reports(alice, received("bob"))
        assert.deepInclude(told.at(-1), { full: true, key: bob.key })
        takesStrangers = true
        yield* candidates(alice, 1)
        const after = yield* reports(alice, (report) => received("bob")(report) && report.full === undefined)
        const heard = after.filter(received("bob"))
        assert.isTrue(heard.slice(0, -1).every(({ full }) => full === true))
      })
    )

    test(
      "a node is heard no more once its scope has closed",
      Effect.gen(function*() {
        const [alice, carol] = [yield* node("alice"), yield* node("carol")]
        yield* carol.discovery.announce(9_003)
        yield* Effect.scoped(Effect.gen(function*() {
          const bob = yield* node("bob")
          yield* bob.discovery.announce(9_002)
          yield* alice.announcements.pipe(
            Stream.filter(({ nodeId }) => nodeId === "bob"),
            Stream.runHead
          )
        }))
        const after = yield* candidates(alice, 6)
        assert.include(after.map(({ nodeId }) => nodeId), "carol")
        assert.strictEqual(after.slice(3).filter(({ nodeId }) => nodeId === "bob").length, 0)
      })
    )
  })
}
