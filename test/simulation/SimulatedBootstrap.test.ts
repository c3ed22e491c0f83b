import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Candidate } from "../../src/domain/Candidate.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as MemoryRegistry from "../../src/layers/MemoryRegistry.js"
import { Bootstrap, type Report } from "../../src/services/Bootstrap.js"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import type { Machine } from "../../src/simulation/Machine.js"
import type { Site } from "../../src/simulation/Mishaps.js"
import type { Network } from "../../src/simulation/Network.js"
import * as SimulatedBootstrap from "../../src/simulation/SimulatedBootstrap.js"
import * as SimulatedEntropy from "../../src/simulation/SimulatedEntropy.js"
import { networkOf, numbered, pass } from "./worlds.js"

const registryOn = (network: Network): SimulatedBootstrap.SimulatedRegistry => {
  const { host, process } = numbered(network, 254)
  return {
    host,
    mood: "well",
    registry: Effect.runSync(MemoryRegistry.make),
    clock: process.clock
  }
}

/** A node that visits the registry for ever. */
const visiting = (machine: Machine, registry: SimulatedBootstrap.SimulatedRegistry, id: string) => {
  const reports: Array<Report & { readonly atMillis: number }> = []
  const candidates: Array<Candidate> = []
  const layer = SimulatedBootstrap.layer(machine, registry).pipe(
    Layer.provide(EphemeralIdentity.layer),
    Layer.provide([
      SimulatedEntropy.layer(machine.network.world, machine.chance),
      BootstrapConfig.layer({ url: new URL("http://registry") }),
      NodeConfig.layer({ id: NodeId.make(id) })
    ])
  )
  const main = machine.process.run(Effect.scoped(Effect.gen(function*() {
    const bootstrap = Context.get(yield* Layer.build(layer), Bootstrap)
    yield* Effect.forkScoped(
      Stream.runForEach(
        bootstrap.reports,
        (report) => Effect.sync(() => reports.push({ ...report, atMillis: machine.network.world.nowMillis }))
      )
    )
    yield* Effect.forkScoped(
      Stream.runForEach(bootstrap.candidates, (candidate) => Effect.sync(() => candidates.push(candidate)))
    )
    yield* bootstrap.announce(9_001)
    yield* Effect.async<never>(() => {})
  })))
  return { reports, candidates, main }
}

const scene = (seed = 1) => {
  const network = networkOf({ seed })
  const registry = registryOn(network)
  const [one, two] = [numbered(network, 1), numbered(network, 2)]
  return {
    network,
    registry,
    machine: one,
    one: visiting(one, registry, "one"),
    two: visiting(two, registry, "two")
  }
}

const reasonsOf = (reports: ReadonlyArray<Report>): ReadonlyArray<string> =>
  reports.flatMap((report) => report.ev === "registry.error" ? [report.reason] : [])

describe("SimulatedBootstrap", () => {
  it("names the nodes that announce themselves, each by the host it comes from", () => {
    const { network, one, two } = scene()
    pass(network.world, 40_000)
    assert.deepStrictEqual(reasonsOf(one.reports), [])
    for (const [{ candidates }, endpoint] of [[one, "10.0.0.2:9001"], [two, "10.0.0.1:9001"]] as const) {
      assert.deepStrictEqual([...new Set(candidates.map((candidate) => `${candidate.endpoint}`))], [endpoint])
    }
  })

  it("takes a node from its list that says goodbye", () => {
    const { network, one, registry } = scene()
    pass(network.world, 1_000)
    const listed = () =>
      Effect.runSync(Effect.withClock(registry.registry.entries, registry.clock)).map((entry) =>
        String(entry.node_id)
      )
    assert.include(listed(), "one")
    one.main.unsafeInterruptAsFork(one.main.id())
    pass(network.world, 1_000)
    assert.isNotNull(one.main.unsafePoll())
    assert.notInclude(listed(), "one")
    assert.include(listed(), "two")
  })

  it("fails by its mood, and serves again when it is well", () => {
    for (
      const [mood, reason] of [["gone", "Unreachable"], ["wrong", "Malformed"], ["slow", undefined]] as const
    ) {
      const { network, one, registry } = scene()
      registry.mood = mood
      pass(network.world, 60_000)
      const told = one.reports.length
      assert.deepStrictEqual([...new Set(reasonsOf(one.reports))], reason === undefined ? [] : [reason])
      if (mood === "slow") assert.isAtLeast(one.reports[0]?.atMillis ?? 0, 4_000)
      else assert.isAtLeast(told, 2)
      registry.mood = "well"
      pass(network.world, 130_000)
      assert.isTrue(one.reports.slice(told + 1).some(({ ev }) => ev === "registry.ok"))
    }
  })

  it("gives no answer through a partition, and the visit ends by its time limit", () => {
    const { network, one } = scene()
    network.disturb({ concerns: (_, to) => to.name === "h254", change: { blocked: true } })
    pass(network.world, 5_500)
    assert.deepStrictEqual(reasonsOf(one.reports), ["Timeout"])
  })

  it("has every mishap in store, and visits go on after each", () => {
    const struck = new Map<Site, number>()
    const reasons = new Set<string>()
    for (let seed = 0; seed < 4; seed++) {
      const { machine, network, one } = scene(seed)
      machine.mishaps.fraction = 0.15
      pass(network.world, 1_800_000)
      machine.mishaps.fraction = 0
      for (const [site, count] of machine.mishaps.struck) struck.set(site, (struck.get(site) ?? 0) + count)
      for (const reason of reasonsOf(one.reports)) reasons.add(reason)
      const told = one.reports.length
      pass(network.world, 120_000)
      assert.isAbove(one.reports.length, told)
      assert.strictEqual(one.reports.at(-1)?.ev, "registry.ok")
    }
    assert.sameMembers([...reasons], ["Unreachable", "Timeout", "Refused", "Truncated"])
    const sites: ReadonlyArray<Site> = [
      "registry: unreachable",
      "registry: busy",
      "registry: answer cut short",
      "registry: answer of nonsense",
      "registry: slow"
    ]
    for (const site of sites) assert.isAtLeast(struck.get(site) ?? 0, 1, site)
  })
})
