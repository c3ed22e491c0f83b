import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as MemoryRegistry from "../../src/layers/MemoryRegistry.js"
import { Chance } from "../../src/simulation/Chance.js"
import * as Fault from "../../src/simulation/Fault.js"
import { Faultline, type Victim } from "../../src/simulation/Faultline.js"
import * as Faults from "../../src/simulation/Faults.js"
import type { Host, Network } from "../../src/simulation/Network.js"
import * as Path from "../../src/simulation/Path.js"
import type { SimulatedRegistry } from "../../src/simulation/SimulatedBootstrap.js"
import * as Tcp from "../../src/simulation/Tcp.js"
import { at, networkOf, numbered, pass } from "./worlds.js"

/** A node that only notes what is done to it. */
class Dummy implements Victim {
  readonly host: Host
  readonly mishaps = { fraction: 0 }
  readonly told: Array<string> = []
  life: Victim["life"]
  frozen = false
  readonly #network: Network

  constructor(network: Network, number: number) {
    this.#network = network
    this.host = numbered(network, number).host
    this.start()
    this.told.length = 0
  }

  readonly start = (): void => {
    if (this.life !== undefined) return
    this.told.push("start")
    this.frozen = false
    const stirs = (frozen: boolean): void => {
      if (this.frozen === frozen) return
      this.told.push(frozen ? "freeze" : "thaw")
      this.frozen = frozen
    }
    this.life = { stopping: false, process: { freeze: () => stirs(true), thaw: () => stirs(false) } }
  }

  /** It takes a while. */
  readonly stop = (): void => {
    if (this.life === undefined || this.life.stopping) return
    this.told.push("stop")
    const life = { ...this.life, stopping: true }
    this.life = life
    this.#network.world.after(250_000, () => {
      // It may have crashed since, and live again.
      if (this.life === life) this.life = undefined
    })
  }

  readonly kill = (power: boolean): void => {
    this.told.push(power ? "kill, power" : "kill")
    this.life = undefined
  }
}

const scene = ({ untilMillis = 60_000, seed = 1 } = {}) => {
  const network = networkOf({ seed })
  const [h1, h2, h3] = [new Dummy(network, 1), new Dummy(network, 2), new Dummy(network, 3)]
  const keeper = numbered(network, 254)
  const registry: SimulatedRegistry = {
    host: keeper.host,
    registry: Effect.runSync(MemoryRegistry.make),
    clock: keeper.process.clock,
    mood: "well"
  }
  const line = new Faultline(network, [h1, h2, h3], registry, untilMillis)
  const blocked = (from: Dummy, to: Dummy) => network.path(from.host, to.host).blocked
  return { network, world: network.world, h1, h2, h3, registry, line, blocked }
}

const span = { fromMillis: 1_000, toMillis: 3_000 }

describe("Faultline", () => {
  it("lets a fault begin and heal at its times, and counts it", () => {
    const { h1, h2, line, network, world } = scene()
    const fault: Fault.Fault = { kind: "loss", ...span, fraction: 0.5 }
    line.enter(fault)
    const loss = () => network.path(h1.host, h2.host).loss
    pass(world, 999)
    assert.strictEqual(loss(), 0)
    pass(world, 1)
    assert.strictEqual(loss(), 0.5)
    assert.deepStrictEqual([...line.active], [fault])
    pass(world, 2_000)
    assert.strictEqual(loss(), 0)
    assert.strictEqual(line.active.size, 0)
    assert.deepStrictEqual([...line.begun], [["loss", 1]])
  })

  it("blocks a partition in both directions or in one, and leaves the groups alone", () => {
    for (const oneWay of [false, true]) {
      const { blocked, h1, h2, h3, line } = scene()
      const fault: Fault.Fault = { kind: "partition", ...span, hosts: ["h1"], others: ["h2", "h3"], oneWay }
      line.begin(fault)
      assert.isTrue(blocked(h1, h2) && blocked(h1, h3))
      assert.strictEqual(blocked(h2, h1), !oneWay)
      assert.isFalse(blocked(h2, h3))
      line.end(fault)
      assert.isFalse(blocked(h1, h2) || blocked(h2, h1))
    }
  })

  it("takes a link down and up again until it heals", () => {
    const { blocked, h1, h2, h3, line, world } = scene()
    const fault: Fault.Fault = { kind: "flap", ...span, host: "h1", periodMillis: 100 }
    line.begin(fault)
    const seen: Array<boolean> = []
    for (let left = 100; left > 0; left--) {
      seen.push(blocked(h1, h2))
      assert.strictEqual(blocked(h3, h1), blocked(h1, h2))
      assert.isFalse(blocked(h2, h3))
      pass(world, 50)
    }
    const down = seen.filter(Boolean).length
    assert.isTrue(down > 30 && down < 70, `down ${down} times of 100`)
    line.end(fault)
    for (let left = 20; left > 0; left--) {
      assert.isFalse(blocked(h1, h2))
      pass(world, 50)
    }
  })

  it("clogs one direction, narrows the links of one host, and slows all", () => {
    const { h1, h2, h3, line, network } = scene()
    const path = (from: Dummy, to: Dummy) => network.path(from.host, to.host)
    line.begin({ kind: "clog", ...span, from: "h1", to: "h2" })
    line.begin({ kind: "narrow", ...span, host: "h3", bytesPerSecond: 1_000 })
    line.begin({ kind: "delay", ...span, millis: 200 })
    line.begin({ kind: "reorder", ...span, fraction: 0.5 })
    line.begin({ kind: "duplicate", ...span, fraction: 0.5 })
    assert.deepInclude(path(h1, h2), {
      clogged: true,
      reorder: 0.5,
      latencyMicros: Path.quiet.latencyMicros + 100_000
    })
    assert.deepInclude(path(h2, h1), {
      clogged: false,
      duplicate: 0.5,
      bytesPerSecond: Number.POSITIVE_INFINITY
    })
    assert.strictEqual(path(h1, h3).bytesPerSecond, 1_000)
    assert.strictEqual(path(h3, h2).bytesPerSecond, 1_000)
    line.heal()
    assert.deepStrictEqual(path(h1, h3), Path.quiet)
  })

  it("kills a node, stops one in order, and starts each again", () => {
    const { h1, h2, h3, line, world } = scene()
    line.enter({ kind: "crash", ...span, host: "h1", power: true })
    line.enter({ kind: "crash", ...span, host: "h2", power: false })
    line.enter({ kind: "restart", fromMillis: 1_000, toMillis: 1_100, host: "h3" })
    pass(world, 10_000)
    assert.deepStrictEqual([h1.told, h2.told, h3.told], [["kill, power", "start"], ["kill", "start"], [
      "stop",
      "start"
    ]])
    assert.isFalse(h3.life?.stopping)
  })

  it("freezes a node, and shifts the clock of its host", () => {
    const { h1, h2, line, world } = scene()
    line.enter({ kind: "freeze", ...span, host: "h1" })
    line.enter({ kind: "skew", ...span, host: "h2", byMillis: -5_000 })
    line.enter({ kind: "skew", fromMillis: 2_000, toMillis: 4_000, host: "h2", byMillis: 700 })
    pass(world, 2_500)
    assert.deepStrictEqual(h1.told, ["freeze"])
    assert.strictEqual(h2.host.skewMillis, -4_300)
    pass(world, 1_000)
    assert.deepStrictEqual(h1.told, ["freeze", "thaw"])
    assert.strictEqual(h2.host.skewMillis, 700)
    pass(world, 1_000)
    assert.strictEqual(h2.host.skewMillis, 0)
  })

  it("spoils the registry and the systems for a while", () => {
    const { h1, h3, line, registry, world } = scene()
    line.enter({ kind: "registry", ...span, mood: "wrong" })
    line.enter({ kind: "mishap", ...span, fraction: 0.1 })
    pass(world, 2_000)
    assert.strictEqual(registry.mood, "wrong")
    assert.deepStrictEqual([h1.mishaps.fraction, h3.mishaps.fraction], [0.1, 0.1])
    pass(world, 2_000)
    assert.strictEqual(registry.mood, "well")
    assert.deepStrictEqual([h1.mishaps.fraction, h3.mishaps.fraction], [0, 0])
  })

  it("heals nothing that another fault of the kind still holds", () => {
    const { h1, h3, line, registry, world } = scene()
    const later = { fromMillis: 2_000, toMillis: 5_000 }
    const within = { fromMillis: 2_500, toMillis: 2_600 }
    line.enter({ kind: "registry", ...span, mood: "gone" })
    line.enter({ kind: "registry", ...later, mood: "slow" })
    line.enter({ kind: "registry", ...within, mood: "wrong" })
    line.enter({ kind: "mishap", ...span, fraction: 0.2 })
    line.enter({ kind: "mishap", ...later, fraction: 0.1 })
    line.enter({ kind: "freeze", ...span, host: "h3" })
    line.enter({ kind: "freeze", ...later, host: "h3" })
    const seen = [1_500, 2_200, 2_550, 2_700, 3_100, 5_100].map((millis) => {
      pass(world, millis - world.nowMillis)
      return [registry.mood, h1.mishaps.fraction, h3.frozen]
    })
    assert.deepStrictEqual(seen, [
      ["gone", 0.2, true],
      ["slow", 0.2, true],
      ["wrong", 0.2, true],
      ["slow", 0.2, true],
      ["slow", 0.1, true],
      ["well", 0, false]
    ])
    assert.deepStrictEqual(h3.told, ["freeze", "thaw"])
  })

  it("leaves a node down until the last fault that keeps it so has healed", () => {
    const { h1, h2, h3, line, world } = scene()
    const later = { fromMillis: 2_000, toMillis: 5_000 }
    line.enter({ kind: "crash", ...span, host: "h1", power: false })
    line.enter({ kind: "restart", ...later, host: "h1" })
    line.enter({ kind: "restart", ...span, host: "h2" })
    line.enter({ kind: "crash", ...later, host: "h2", power: false })
    // It still stops when it crashes.
    line.enter({ kind: "restart", fromMillis: 1_000, toMillis: 1_100, host: "h3" })
    line.enter({ kind: "crash", fromMillis: 1_150, toMillis: 5_000, host: "h3", power: false })
    pass(world, 4_900)
    assert.deepStrictEqual([h1.life, h2.life, h3.life], [undefined, undefined, undefined])
    pass(world, 1_000)
    assert.deepStrictEqual([h1.told, h2.told, h3.told].map((told) => told.at(-1)), [
      "start",
      "start",
      "start"
    ])
    assert.strictEqual([...h1.told, ...h2.told, ...h3.told].filter((told) => told === "start").length, 3)
  })

  it("starts a node that crashed while it stopped, and leaves it running", () => {
    const { h1, line, world } = scene()
    line.enter({ kind: "restart", fromMillis: 1_000, toMillis: 1_100, host: "h1" })
    line.enter({ kind: "crash", fromMillis: 1_030, toMillis: 1_100, host: "h1", power: false })
    pass(world, 2_000)
    assert.deepStrictEqual(h1.told, ["stop", "kill", "start"])
    assert.isFalse(h1.life?.stopping)
  })

  it("freezes a node that starts on a host that sleeps, and starts none that is to be down", () => {
    const { h1, h2, line, world } = scene()
    line.enter({ kind: "freeze", fromMillis: 0, toMillis: 3_000, host: "h1" })
    line.enter({ kind: "crash", fromMillis: 1_000, toMillis: 2_000, host: "h1", power: true })
    line.enter({ kind: "crash", fromMillis: 0, toMillis: 2_000, host: "h2", power: false })
    pass(world, 1_500)
    line.settle(h2)
    assert.isUndefined(h2.life)
    pass(world, 1_000)
    assert.isTrue(h1.frozen)
    pass(world, 1_000)
    assert.deepStrictEqual(h1.told, ["freeze", "kill, power", "start", "freeze", "thaw"])
  })

  it("leaves out a fault that heals before it begins", () => {
    const { line, world } = scene()
    line.enter({ kind: "loss", fromMillis: 2_000, toMillis: 2_000, fraction: 1 })
    line.enter({ kind: "loss", fromMillis: 2_000, toMillis: 1_000, fraction: 1 })
    pass(world, 5_000)
    assert.strictEqual(line.begun.size, 0)
  })

  it("resets streams, now at one end and now at both", () => {
    const { line, network, world } = scene({ untilMillis: 1_000_000 })
    const [from, to] = [numbered(network, 11), numbered(network, 12)]
    const ends: Array<Tcp.Socket> = []
    to.host.listeners.set(1, { process: to.process, accept: (socket) => ends.push(socket) })
    const streams = Array.from(
      { length: 40 },
      (_, index) => Tcp.connect(network, from.process, from.host, 50_000 + index, at(to, 1))
    )
    pass(world, 100)
    const fault: Fault.Fault = { kind: "reset", fromMillis: 0, toMillis: 1_000_000, everyMillis: 100 }
    line.begin(fault)
    pass(world, 5_000)
    line.end(fault)
    const broken = [...streams, ...ends].filter((socket) => socket.broken !== undefined)
    const both = streams.filter(({ broken, peer }) => broken !== undefined && peer?.broken !== undefined)
    assert.isAbove(broken.length, 20)
    assert.isAbove(both.length, 4)
    assert.isAbove(broken.length - 2 * both.length, 4)
    pass(world, 5_000)
    assert.strictEqual(
      [...streams, ...ends].filter(({ broken }) => broken !== undefined).length,
      broken.length
    )
  })

  it("heals all at the end of its time at the latest, and lets none begin after", () => {
    const { h1, h2, line, network, registry, world } = scene({ untilMillis: 2_000 })
    line.enter({ kind: "loss", fromMillis: 1_000, toMillis: 9_000, fraction: 0.5 })
    line.enter({ kind: "crash", fromMillis: 2_000, toMillis: 3_000, host: "h1", power: true })
    pass(world, 2_000)
    assert.strictEqual(network.path(h1.host, h2.host).loss, 0)
    line.begin({ kind: "registry", ...span, mood: "gone" })
    line.heal()
    line.begin({ kind: "registry", ...span, mood: "slow" })
    pass(world, 5_000)
    assert.strictEqual(registry.mood, "well")
    assert.deepStrictEqual(h1.told, [])
  })

  it("leaves all as it was when it has healed, whatever overlapped", () => {
    const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>
    const begun = new Set<Fault.Kind>()
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { blocked, h1, h2, h3, line, network, registry, world } = scene({ seed, untilMillis: 10_000 })
        const hosts = ["h1", "h2", "h3"]
        for (const fault of Faults.draw(kinds, { hosts, forMillis: 12_000 }, new Chance(seed))) {
          line.enter(fault)
        }
        pass(world, 10_000)
        line.heal()
        pass(world, 1_000)
        for (const kind of line.begun.keys()) begun.add(kind)
        assert.strictEqual(line.active.size, 0)
        assert.strictEqual(registry.mood, "well")
        for (const [from, to] of [[h1, h2], [h2, h3], [h3, h1]] as const) {
          assert.deepStrictEqual(network.path(from.host, to.host), Path.quiet)
          assert.isFalse(blocked(from, to))
        }
        for (const { frozen, host, life, mishaps } of [h1, h2, h3]) {
          assert.strictEqual(host.skewMillis, 0)
          assert.strictEqual(mishaps.fraction, 0)
          assert.isFalse(life?.stopping ?? true)
          assert.isFalse(frozen)
        }
      }),
      { numRuns: 100 }
    )
    assert.sameMembers([...begun], [...kinds])
  })
})
