/** The laws of the counters, over whatever a handful of nodes may do to each other. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import type { Counters } from "../../src/domain/Counters.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import * as PeerState from "../../src/domain/PeerState.js"
import { classOf } from "../../src/domain/Reason.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NetworkInMemory from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import type { Identity } from "../../src/services/Identity.js"
import { write } from "./connections.js"
import { endpoint, pass, settle, start, type Started } from "./nodes.js"

/** The places in the network; the one after the last is a host on which nothing ever runs. */
const places = 5
const hostOf = (place: number): string => `10.0.0.${place + 1}`

/** A node of every place: the fourth bears the name of the third, the fifth has the key of the first. */
const names = ["A", "B", "C", "C", "E"]
const keys = [0, 1, 2, 3, 0]

type Command =
  | { readonly _tag: "Start" | "Stop"; readonly at: number }
  | { readonly _tag: "Connect" | "Want" | "Disconnect"; readonly at: number; readonly to: number }
  | { readonly _tag: "Knock"; readonly at: number; readonly bytes: Uint8Array; readonly turns: number }
  | { readonly _tag: "Pass"; readonly millis: number }

const place = fc.nat(places - 1)
const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Start" as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Stop" as const), at: place }) },
  {
    weight: 5,
    arbitrary: fc.record({
      _tag: fc.constantFrom("Connect" as const, "Connect" as const, "Want" as const, "Disconnect" as const),
      at: place,
      to: fc.nat(places)
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant("Knock" as const),
      at: place,
      bytes: fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(helloStart())),
      turns: fc.nat(20)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("Pass" as const),
      millis: fc.constantFrom(1, 900, 3_000, 20_000)
    })
  }
)

/** A step: what is done, and how many turns later the next one follows; `undefined` waits until all is quiet. */
const steps = fc.array(
  fc.record({ command: commands, turns: fc.option(fc.nat(12), { nil: undefined }) }),
  { minLength: 10, maxLength: 30 }
)

/** Lets nodes live so many lives; returns the reasons for which connections changed their states in them. */
export const hold = async (numRuns: number, seed: number): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(steps, (taken) => Effect.runPromise(live(taken, seen))),
    { numRuns, seed }
  )
  return seen
}

interface Running extends Started {
  readonly life: Scope.CloseableScope
  readonly watched: Watched
}

/** The counters as they were at every change, the oldest first. */
type Watched = Array<Counters>

const live = (
  taken: ReadonlyArray<{ readonly command: Command; readonly turns: number | undefined }>,
  seen: Set<string>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const running = new Map<number, Running>()
    const identities = yield* Effect.all(
      keys.map(() => Effect.provide(EphemeralIdentity.make, NodeEntropy.layer))
    )
    for (const { command, turns } of taken) {
      yield* Effect.fork(carryOut(command, running, identities))
      if (command._tag === "Pass") yield* pass(command.millis)
      else if (turns !== undefined) yield* Effect.repeatN(Effect.yieldNow(), turns)
      if (turns === undefined) yield* settle
      for (const node of running.values()) {
        node.watched.push(yield* node.counters)
        atAnyTime(node.watched)
        const shown = (yield* node.node.peers).map(({ id }) => id)
        assert.strictEqual(new Set(shown).size, shown.length, "a peer is shown once")
        if (turns === undefined) yield* atRest(node)
      }
    }
    yield* settle
    for (const node of running.values()) {
      yield* atRest(node)
      yield* stop(node)
      const ended = account(node.events, yield* node.counters)
      assert.strictEqual(ended.underWay, 0, "a stopped node has no dial in flight")
      assert.strictEqual(ended.live.size, 0, "a stopped node has no session")
      for (const event of node.events) if (event.ev === "peer.state") seen.add(event.reason)
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(NetworkInMemory.layer),
    Effect.provide(TestContext.TestContext),
    Effect.orDie
  )

const carryOut = (
  command: Command,
  running: Map<number, Running>,
  identities: ReadonlyArray<Identity["Type"]>
): Effect.Effect<void, unknown, NetworkInMemory.MemoryNetwork> =>
  Effect.gen(function*() {
    if (command._tag === "Pass") return
    const { at } = command
    const node = running.get(at)
    if (command._tag === "Start") {
      const identity = identities[keys[at] ?? 0]
      if (node !== undefined || identity === undefined) return
      const life = yield* Scope.make()
      const started = yield* Scope.extend(
        start(names[at] ?? "", { host: hostOf(at), identity, ...(at === 2 ? { limits: { peers: 2 } } : {}) }),
        life
      )
      const watched: Watched = [yield* started.counters]
      yield* Scope.extend(
        Effect.forkScoped(
          Stream.runForEach(started.stats.changes, (now) => Effect.sync(() => watched.push(now)))
        ),
        life
      )
      running.set(at, { ...started, life, watched })
      return
    }
    if (command._tag === "Knock") return yield* Effect.scoped(knock(command))
    if (node === undefined) return
    switch (command._tag) {
      case "Stop":
        running.delete(at)
        return yield* stop(node)
      case "Connect":
        return yield* Effect.asVoid(node.node.connect(endpoint(hostOf(command.to))))
      case "Want":
        return yield* Scope.extend(node.node.want(endpoint(hostOf(command.to))), node.life)
      case "Disconnect": {
        const peers = yield* node.node.peers
        const peer = peers[command.to]
        return peer === undefined ? undefined : yield* Effect.asVoid(node.node.disconnect(peer.id))
      }
    }
  }).pipe(Effect.ignore)

/** Somebody dials, says something, and leaves. */
const knock = ({ at, bytes, turns }: Extract<Command, { readonly _tag: "Knock" }>) =>
  Effect.gen(function*() {
    const transport = yield* MemoryTransport.make({ host: "10.9.9.9" })
    const connection = yield* transport.dial(endpoint(hostOf(at)))
    yield* write(connection, [bytes])
    yield* Effect.repeatN(Effect.yieldNow(), turns)
  })

const stop = ({ life }: Running): Effect.Effect<void> =>
  Effect.gen(function*() {
    const closing = yield* Effect.fork(Scope.close(life, Exit.void))
    yield* pass(1_000)
    yield* Effect.asVoid(closing.await)
    yield* settle
  })

/** What holds whenever somebody looks; keeps the last counters alone. */
const atAnyTime = (watched: Watched): void => {
  for (const [at, now] of watched.entries()) {
    const last = watched[at - 1] ?? now
    assert.isAtLeast(now.handshakes_started, now.handshakes_completed)
    assert.isAtMost(now.peers_connected, now.peers_total)
    assert.isAtLeast(now.connect_attempts, now.connect_failures)
    for (const name of Object.keys(now) as ReadonlyArray<keyof Counters>) {
      assert.isAtLeast(now[name], 0)
      if (!name.startsWith("peers_")) assert.isAtLeast(now[name], last[name], `${name} fell`)
    }
  }
  watched.splice(0, watched.length - 1)
}

/** What holds once nothing is under way that needs no time. */
const atRest = ({ counters, events, node }: Running): Effect.Effect<void> =>
  Effect.gen(function*() {
    const now = yield* counters
    const { live } = account(events, now)
    const peers = yield* node.peers
    const open = peers.filter(({ state }) => PeerState.isLive(state))
    assert.strictEqual(now.peers_connected, live.size, "peers_connected counts the sessions in force")
    assert.strictEqual(open.length, live.size, "the sessions in force are those shown")
    assert.strictEqual(now.peers_total, peers.length, "peers_total counts the peers shown")
  })

interface Account {
  readonly underWay: number
  /** The peers with a session, each with its connection. */
  readonly live: ReadonlyMap<string, number>
}

/** Adds up what the events tell and compares it with the counters. */
const account = (events: ReadonlyArray<NodeEvent>, now: Counters): Account => {
  const live = new Map<string, number>()
  const states = new Map<number, PeerState.PeerState>()
  const sum = {
    attempts: 0,
    connected: 0,
    failed: 0,
    abandoned: 0,
    started: 0,
    completed: 0,
    deduped: 0,
    skipped: 0
  }
  for (const event of events) {
    if (event.ev === "dial.verdict") {
      if (event.verdict === "deduplicated") {
        assert.strictEqual(event.source, "automatic")
        sum.deduped++
      }
      if (event.verdict === "backing off" && event.source !== "timed") sum.skipped++
    }
    if (event.ev !== "peer.state") continue
    const { conn, direction, from, peer, reason, to } = event
    assert.strictEqual(states.get(conn) ?? "Disconnected", from, "no change of state is left out")
    assert.isTrue(PeerState.isLegal(from, to))
    states.set(conn, to)
    if (to === "Connecting") sum.attempts++
    if (to === "Handshaking") sum.started++
    if (to === "Connected" && from === "Handshaking") sum.completed++
    if (direction === "outbound" && from === "Handshaking" && to === "Connected") sum.connected++
    if (direction === "outbound" && to === "Closed" && !PeerState.isLive(from)) {
      if (classOf(reason) === "none") sum.abandoned++
      else sum.failed++
    }
    if (peer === undefined) continue
    if (PeerState.isLive(to)) live.set(peer, conn)
    else if (live.get(peer) === conn) live.delete(peer)
  }
  const underWay = [...states].filter(([conn, state]) =>
    state === "Connecting" ||
    state === "Handshaking" && events.some((event) =>
        event.ev === "peer.state" && event.conn === conn && event.direction === "outbound"
      )
  ).length
  assert.deepInclude(now, {
    connect_attempts: sum.attempts,
    connect_failures: sum.failed,
    connect_deduped: sum.deduped,
    backoff_skips: sum.skipped,
    handshakes_completed: sum.completed
  })
  assert.isAtMost(now.handshakes_started, sum.started)
  assert.strictEqual(now.connect_attempts, sum.connected + sum.failed + sum.abandoned + underWay)
  return { underWay, live }
}

/** The beginning of a Hello, which leaves a responder waiting for the rest. */
function helloStart(): Uint8Array {
  return Uint8Array.from(Buffer.from("475650325002000000010001000000000000000000000030", "hex"))
}
