import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as BackOff from "../../src/domain/BackOff.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerState from "../../src/domain/PeerState.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"
import { Host, Network } from "../../src/simulation/Network.js"
import * as Run from "../../src/simulation/Run.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { Station } from "../../src/simulation/Station.js"
import type { Happening } from "../../src/simulation/Trace.js"
import { World } from "../../src/simulation/World.js"
import { children, failures } from "./children.js"
import { hold } from "./crowd.js"
import { bootstrap } from "./scenarios.js"
import { attachment, pass } from "./worlds.js"

const plain: Simulation.Settings = { ...Simulation.defaults, variety: false, chatter: false }

/** Runs it, keeps what it told, and sees to it that no law was broken. */
const watched = (settings: Partial<Simulation.Settings>) => {
  const told: Array<Happening> = []
  const outcome = Run.run({ ...plain, ...settings }, { happening: (happening) => told.push(happening) })
  assert.isUndefined(outcome.violation, JSON.stringify(outcome.violation))
  return { outcome, told }
}

const eventsOf = <E extends NodeEvent["ev"]>(told: ReadonlyArray<Happening>, ev: E, node?: string) =>
  told.flatMap(({ atMicros, event, node: of }) =>
    event.ev === ev && (node === undefined || of === node)
      ? [{ ...event as Extract<NodeEvent, { readonly ev: E }>, node: of, atMillis: atMicros / 1_000 }]
      : []
  )

/** The most that fall into one second. */
const mostInASecond = (millis: ReadonlyArray<number>): number => {
  const sorted = [...millis].sort((a, b) => a - b)
  let most = 0
  let from = 0
  for (const [index, at] of sorted.entries()) {
    while ((sorted[from] ?? at) <= at - 1_000) from++
    most = Math.max(most, index - from + 1)
  }
  return most
}

/** Lets pairs of nodes dial each other all at once, and judges each; how many of the pairs shook hands twice. */
const meeting = (seed: number, pairs: number): number => {
  const world = new World({ seed, order: "seeded" })
  const network = new Network(world)
  const starts = world.chance.fork("starts")
  const broken: Array<string> = []
  const station = (number: number, other: number): Station => {
    const name = `n${number}`
    const node = NodeConfig.make({
      id: NodeId.make(name),
      port: 9_001,
      connect: [Endpoint.make(`10.0.0.${other}`, 9_001)],
      connectDelayMillis: 10
    })
    const one: Station = new Station(
      network,
      new Host(name, [attachment(`10.0.0.${number}`)]),
      { node, discovery: undefined, bootstrap: undefined, keepsKey: true, app: Layer.empty },
      {
        event: (_, { ledger }, event) =>
          broken.push(...Option.toArray(Option.fromNullable(ledger.take(event, world.nowMillis)?.text))),
        listening: () => Effect.void,
        ended: () => {},
        defect: (_, cause) => broken.push(Cause.pretty(cause)),
        log: () => {}
      }
    )
    // Within the time that a packet takes.
    world.after(starts.below(400), () => one.start())
    return one
  }
  const all = Array.from({ length: pairs }, (_, at) => [
    station(2 * at + 1, 2 * at + 2),
    station(2 * at + 2, 2 * at + 1)
  ])
  pass(world, 1_500)
  let crossed = 0
  for (const pair of all) {
    let handshakes = 0
    const sessions = pair.map(({ life }) => {
      assert(life?.services !== undefined)
      const counters = Effect.runSync(Context.get(life.services, Stats).snapshot)
      assert.strictEqual(counters.connect_failures, 0)
      handshakes += counters.handshakes_started
      const live = [...life.ledger.open.values()].filter(({ state }) => PeerState.isLive(state))
      assert.strictEqual(live.length, 1)
      return live[0]?.session
    })
    if (handshakes > 2) crossed++
    assert.isDefined(sessions[0])
    assert.strictEqual(sessions[0], sessions[1])
  }
  for (const one of all.flat()) one.kill(true)
  assert.deepStrictEqual(broken, [])
  return crossed
}

const first = Endpoint.make("10.0.0.1", 9_001)

describe("what a network of nodes withstands", () => {
  it("a partition of ten in two halves is healed within 30 s, 100 seeds", { timeout: 120_000 }, async () => {
    const processes = children()
    try {
      const lines = await processes.share({ first: 1, count: 100, scale: "halves" })
      assert.deepStrictEqual(failures(lines), [])
      for (const { healedMillis, seed } of lines) {
        assert.isAtMost(healedMillis ?? Number.POSITIVE_INFINITY, 30_000, `seed ${seed}`)
      }
    } finally {
      processes.close()
    }
  })

  it("1,000 pairs that dial each other at the same time have one session each, and nothing has failed", {
    timeout: 120_000
  }, async () => {
    let crossed = 0
    for (let seed = 0; seed < 50; seed++) {
      crossed += meeting(seed, 20)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.isAbove(crossed, 500)
  })

  it("the Pings of two peers fall into one pace, which neither of them leaves", () => {
    const { told } = watched({ seed: 1, nodes: 2, forMillis: 120_000 })
    const [mine, theirs] = ["n1", "n2"].map((name) =>
      eventsOf(told, "peer.rtt", name).map(({ atMillis }) => atMillis).filter((at) => at > 20_000)
    )
    assert.isAbove(mine?.length ?? 0, 15)
    assert.strictEqual(mine?.length, theirs?.length)
    // Asked in the same moment, at intervals of 5 s, 10 % off at most.
    mine?.forEach((at, index) => {
      assert.isBelow(Math.abs(at - (theirs?.[index] ?? 0)), 20)
      const interval = index === 0 ? 5_000 : at - (mine[index - 1] ?? 0)
      assert.isTrue(interval > 4_490 && interval < 5_510, `${interval}`)
    })
  })

  it("a peer that falls silent is Stale, and then given up, within the limits", () => {
    const cut = { fromMillis: 20_000, toMillis: 110_000 }
    const { told } = watched({
      seed: 3,
      nodes: 3,
      forMillis: 110_000,
      only: [{ kind: "partition", ...cut, hosts: ["n1"], others: ["n2", "n3"], oneWay: false }]
    })
    const { pingMillis, staleIntervals, staleMillis } = Limits.defaults
    for (const [node, lost] of [["n1", 2], ["n2", 1], ["n3", 1]] as const) {
      const changes = eventsOf(told, "peer.state", node).filter(({ atMillis, from }) =>
        atMillis > cut.fromMillis && atMillis < cut.toMillis && PeerState.isLive(from)
      )
      for (const [to, least] of [["Stale", 0], ["Closed", staleIntervals * pingMillis]] as const) {
        const silences = changes.filter((change) => change.to === to).map(({ atMillis }) =>
          atMillis - cut.fromMillis - least
        )
        assert.strictEqual(silences.length, lost, `${node} ${to}`)
        // It was heard an interval before the cut at most, and is looked after in rounds.
        for (const millis of silences) {
          assert.isTrue(
            millis > staleMillis - 1.1 * pingMillis && millis < staleMillis + 0.2 * pingMillis,
            `${node} ${to} ${millis}`
          )
        }
      }
    }
  })

  it(
    "thirty nodes with eight places each leave each other alone once no place is left",
    { timeout: 60_000 },
    () => {
      const limits = { ...Limits.defaults, peers: 8, peersReserved: 1 }
      const { told } = watched({ seed: 1, nodes: 30, forMillis: 120_000, node: { limits } })
      const dialled = eventsOf(told, "peer.state").filter(({ to }) => to === "Connecting")
      const late = dialled.filter(({ atMillis }) => atMillis > 30_000).length
      assert.isAbove(dialled.length, 100)
      assert.strictEqual(late, 0)
    }
  )

  it("a peer that is gone for ten minutes is dialled after each back-off, and never twice at once", {
    timeout: 60_000
  }, () => {
    const gone = { fromMillis: 20_000, toMillis: 620_000 }
    for (
      const [source, settings] of [
        ["timed", {
          discovery: undefined,
          node: { connect: [first] },
          only: [{ kind: "crash", ...gone, host: "n1", power: false }]
        }],
        ["timed", {
          discovery: undefined,
          node: { connect: [first] },
          only: [{ kind: "crash", ...gone, host: "n1", power: true }]
        }],
        ["automatic", { only: [{ kind: "partition", ...gone, hosts: ["n2"], others: ["n1"], oneWay: true }] }]
      ] as const
    ) {
      const { told } = watched({ seed: 5, nodes: 2, forMillis: 630_000, ...settings })
      const dials = eventsOf(told, "dial.verdict", "n2").filter(({ verdict }) => verdict === "dial")
      const failed = eventsOf(told, "dial.failed", "n2").filter(({ endpoint }) => endpoint === `${first}`)
      assert.isAtLeast(failed.length, 25)
      const { automaticBackoffCapMillis, backoffJitter, manualBackoffCapMillis } = Limits.defaults
      const most = (source === "timed" ? manualBackoffCapMillis : automaticBackoffCapMillis) *
        (1 + backoffJitter)
      const waits = new Set<number>()
      for (const { atMillis, failures, retryInMillis } of failed) {
        const least = BackOff.delayMillis(source, failures, 0, Limits.defaults)
        assert.isTrue(
          retryInMillis >= least && retryInMillis <= Math.ceil(most),
          `${retryInMillis} ms, ${failures}`
        )
        waits.add(retryInMillis)
        const next = dials.find((dial) => dial.atMillis > atMillis)
        if (next !== undefined) assert.isAtLeast(next.atMillis - atMillis, retryInMillis - 1)
      }
      // Without jitter all of the last ones would be the same.
      assert.isAbove(waits.size, 10)
    }
  })

  it("a node holds 500 peers for ten minutes and asks them in its own rounds", {
    timeout: 120_000
  }, async () => {
    const { inRounds, violation, ...held } = await hold(500, 10)
    assert.isUndefined(violation)
    assert.deepInclude(held, { connected: 500, failed: 0 })
    assert.isAbove(inRounds, 0.9)
  })

  it("a node with 200 peers that starts again is dialled by at most 140 of them in any second", {
    timeout: 120_000
  }, () => {
    for (
      const only of [
        { kind: "restart", fromMillis: 10_000, toMillis: 11_000, host: "n1" },
        { kind: "crash", fromMillis: 10_000, toMillis: 12_000, host: "n1", power: false },
        { kind: "crash", fromMillis: 10_000, toMillis: 40_000, host: "n1", power: true }
      ] as const
    ) {
      const crowd = 200
      let connected = 0
      const dials: Array<number> = []
      const settings: Simulation.Settings = {
        ...plain,
        seed: 12,
        nodes: crowd + 1,
        forMillis: 60_000,
        discovery: undefined,
        only: [only],
        node: { connect: [first], limits: { ...Limits.defaults, peers: 256 } }
      }
      const simulation = new Simulation.Simulation(settings, {
        happening: ({ atMicros, event, node }) => {
          if (event.ev === "dial.verdict" && event.verdict === "dial" && atMicros > 10_000_000) {
            dials.push(atMicros / 1_000)
          }
          if (node === "n1" && event.ev === "peer.state" && event.to === "Connected") connected++
        }
      })
      simulation.run(9_999)
      assert.isAtLeast(connected, crowd)
      simulation.run(settings.forMillis)
      assert.isUndefined(simulation.violation)
      assert.isAtLeast(connected, 2 * crowd)
      assert.isAtMost(mostInASecond(dials), 0.7 * crowd, JSON.stringify(only))
      simulation.close()
    }
  })

  it(
    "a registry that is down for ten minutes is asked ever more rarely, and used again",
    { timeout: 60_000 },
    () => {
      const down = { fromMillis: 60_000, toMillis: 660_000 }
      const { told } = watched({
        seed: 2,
        nodes: 4,
        segments: 4,
        discovery: undefined,
        bootstrap,
        forMillis: 800_000,
        only: [{ kind: "registry", ...down, mood: "gone" }]
      })
      const { registryBackoffCapMillis, registryJitter } = Limits.defaults
      const least = bootstrap.intervalMillis * (1 - registryJitter)
      const most = registryBackoffCapMillis * (1 + registryJitter)
      for (const node of Simulation.namesOf(4)) {
        for (const action of ["announce", "pull"] as const) {
          const asked = [...eventsOf(told, "registry.ok", node), ...eventsOf(told, "registry.error", node)]
            .filter((event) => event.action === action)
            .map(({ atMillis }) => atMillis)
            .sort((a, b) => a - b)
          for (const [index, at] of asked.entries()) {
            assert.isAtLeast(at - (asked[index - 1] ?? Number.NEGATIVE_INFINITY), least - 10)
          }
          const ok = eventsOf(told, "registry.ok", node).filter((event) => event.action === action)
          assert.isFalse(
            ok.some(({ atMillis }) => atMillis > down.fromMillis + 100 && atMillis < down.toMillis)
          )
          const again = ok.find(({ atMillis }) => atMillis > down.toMillis)
          assert.isAtMost((again?.atMillis ?? Number.POSITIVE_INFINITY) - down.toMillis, most + 10)
        }
        assert.isAtMost(
          eventsOf(told, "registry.error", node).filter(({ atMillis }) =>
            atMillis > down.fromMillis + 120_000
          ).length,
          12
        )
      }
    }
  )
})
