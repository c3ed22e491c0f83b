import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { Discovery, type Report } from "../../src/services/Discovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import type { Machine } from "../../src/simulation/Machine.js"
import type { Site } from "../../src/simulation/Mishaps.js"
import * as SimulatedDiscovery from "../../src/simulation/SimulatedDiscovery.js"
import * as SimulatedEntropy from "../../src/simulation/SimulatedEntropy.js"
import { networkOf, numbered, pass } from "./worlds.js"

/** A node that announces itself for ever; what it reports. */
const announcing = (machine: Machine, id: string): ReadonlyArray<Report> => {
  const reports: Array<Report> = []
  const layer = SimulatedDiscovery.layer(machine).pipe(
    Layer.provide([EphemeralIdentity.layer, StandardStats.layer]),
    Layer.provide([
      SimulatedEntropy.layer(machine.network.world, machine.chance),
      DiscoveryConfig.layer(),
      NodeConfig.layer({ id: NodeId.make(id) })
    ])
  )
  machine.process.run(Effect.scoped(Effect.gen(function*() {
    const discovery = Context.get(yield* Layer.build(layer), Discovery)
    yield* discovery.listen({ candidate: () => {}, report: (report) => reports.push(report) })
    yield* discovery.announce(9_001)
    yield* Effect.async<never>(() => {})
  })))
  return reports
}

const heardOf = (reports: ReadonlyArray<Report>, id: string): number =>
  reports.filter((report) => report.ev === "beacon.received" && report.nodeId === id).length

const pair = (seed = 1) => {
  const network = networkOf({ seed })
  const [one, two] = [numbered(network, 1), numbered(network, 2)]
  return { network, one, two, atOne: announcing(one, "one"), atTwo: announcing(two, "two") }
}

describe("SimulatedDiscovery", () => {
  it("lets neighbours hear each other at their interval, and themselves", () => {
    const { atOne, atTwo, network } = pair()
    pass(network.world, 60_000)
    for (const heard of [heardOf(atOne, "two"), heardOf(atTwo, "one"), heardOf(atOne, "one")]) {
      assert.isTrue(heard >= 27 && heard <= 36, `${heard} beacons in a minute`)
    }
  })

  it("goes on after every mishap", () => {
    const struck = new Map<Site, number>()
    for (let seed = 0; seed < 4; seed++) {
      const { atOne, atTwo, network, one, two } = pair(seed)
      for (const { mishaps } of [one, two]) mishaps.fraction = 0.15
      pass(network.world, 120_000)
      assert.isAbove(heardOf(atOne, "two"), 0)
      for (const { mishaps } of [one, two]) {
        mishaps.fraction = 0
        for (const [site, count] of mishaps.struck) struck.set(site, (struck.get(site) ?? 0) + count)
      }
      pass(network.world, 40_000)
      const before = [heardOf(atOne, "two"), heardOf(atTwo, "one")]
      pass(network.world, 20_000)
      for (const [at, count] of [heardOf(atOne, "two"), heardOf(atTwo, "one")].entries()) {
        assert.isAtLeast(count - (before[at] ?? 0), 8)
      }
    }
    const sites: ReadonlyArray<Site> = [
      "interfaces: unreadable",
      "interfaces: one is down",
      "datagram: refused",
      "datagram: cut short",
      "datagram: heard again much later",
      "datagrams: socket broke"
    ]
    for (const site of sites) assert.isAtLeast(struck.get(site) ?? 0, 1, site)
  })

  it("closes its port with its scope", () => {
    const { network, one } = pair()
    pass(network.world, 1_000)
    assert.strictEqual(one.host.ears.size, 1)
    for (const fiber of one.process.fibers) fiber.unsafeInterruptAsFork(fiber.id())
    pass(network.world, 1_000)
    assert.strictEqual(one.host.ears.size, 0)
    assert.strictEqual(one.process.timers, 0)
  })
})
