import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { Machine } from "../../src/simulation/Machine.js"
import { type Ear, Host } from "../../src/simulation/Network.js"
import * as Path from "../../src/simulation/Path.js"
import { attachment, exact, machineOn, networkOf, numbered, pass } from "./worlds.js"

const port = 37_020

/** What a host hears at the port, with who it came from and when. */
const ear = ({ host, network, process }: Machine, groups: ReadonlyArray<string> = []) => {
  const heard: Array<string> = []
  const { world } = network
  const bound: Ear = {
    host,
    process,
    port,
    groups: new Set(groups),
    hear: (datagram, from) =>
      heard.push(`${datagram.join("")} ${from} ${from === host.address ? "own" : world.nowMicros}`)
  }
  host.ears.add(bound)
  return heard
}

const via = ({ host }: Machine, index = 0) => {
  const found = host.attachments[index]
  if (found === undefined) throw new Error("no such interface")
  return found
}

/** Sends a datagram of one digit by the first interface. */
const send = (from: Machine, digit: number, address: string, index = 0): void =>
  from.network.send(from.host, via(from, index), Uint8Array.of(digit), port, address)

const broadcast = "10.0.0.255"
const group = "239.255.0.1"

describe("Network, datagrams", () => {
  it("carries a broadcast to all of its segment, the sender among them, and to nobody else", () => {
    const network = networkOf({ path: exact })
    const [one, two] = [numbered(network, 1), numbered(network, 2)]
    const far = machineOn(network, "far", [attachment("10.1.0.1", "other")])
    const both = machineOn(network, "both", [attachment("10.1.0.2", "other"), attachment("10.0.0.3")])
    const heard = [one, two, far, both].map((machine) => ear(machine))
    send(one, 1, broadcast)
    pass(network.world, 10)
    assert.deepStrictEqual(heard, [["1 10.0.0.1 own"], ["1 10.0.0.1 1000"], [], ["1 10.0.0.1 1000"]])
    send(one, 2, "10.0.0.254")
    send(one, 3, "10.1.0.255")
    send(both, 4, "10.1.0.255")
    pass(network.world, 10)
    assert.deepStrictEqual(heard.map((lines) => lines.length), [1, 1, 1, 2])
  })

  it("carries to another port nothing", () => {
    const network = networkOf()
    const [one, two] = [numbered(network, 1), numbered(network, 2)]
    const heard = ear(two)
    network.send(one.host, via(one), Uint8Array.of(1), port + 1, broadcast)
    pass(network.world, 10)
    assert.deepStrictEqual(heard, [])
  })

  it("carries what is sent to an address to that host alone", () => {
    const network = networkOf({ path: exact })
    const [one, two, three] = [numbered(network, 1), numbered(network, 2), numbered(network, 3)]
    const heard = [one, two, three].map((machine) => ear(machine))
    send(one, 1, "10.0.0.2")
    pass(network.world, 10)
    assert.deepStrictEqual(heard, [[], ["1 10.0.0.1 1000"], []])
  })

  it("carries what is sent to a group to its members, by the interface that they joined with", () => {
    const network = networkOf({ path: exact })
    const [one, two, three] = [numbered(network, 1), numbered(network, 2), numbered(network, 3)]
    const both = machineOn(network, "both", [attachment("10.1.0.2", "other"), attachment("10.0.0.4")])
    const heard = [
      ear(one, [`${group}@10.0.0.1`]),
      ear(two, [`${group}@10.0.0.2`]),
      ear(three, [`239.255.0.2@10.0.0.3`]),
      ear(both, [`${group}@10.1.0.2`])
    ]
    send(one, 1, group)
    pass(network.world, 10)
    assert.deepStrictEqual(heard, [["1 10.0.0.1 own"], ["1 10.0.0.1 1000"], [], []])
  })

  it("loses, doubles and delays as many as it should, for ever the ones that find no way", () => {
    const heardOf = (change: Partial<Path.Path>) => {
      const network = networkOf({ path: exact })
      const [one, two] = [numbered(network, 1), numbered(network, 2)]
      const heard = ear(two)
      network.disturb({ concerns: () => true, change })
      for (let digit = 0; digit < 1_000; digit++) {
        send(one, digit % 10, broadcast)
        pass(network.world, 1)
      }
      pass(network.world, 1_000)
      return heard
    }
    const count = (change: Partial<Path.Path>) => heardOf(change).length
    assert.closeTo(count({ loss: 0.3 }), 700, 60)
    assert.closeTo(count({ duplicate: 0.3 }), 1_300, 60)
    assert.strictEqual(count({ blocked: true }), 0)
    assert.strictEqual(count({ clogged: true }), 0)
    const digits = (change: Partial<Path.Path>) => heardOf(change).map((line) => Number(line[0]))
    assert.deepStrictEqual(digits({}), Array.from({ length: 1_000 }, (_, index) => index % 10))
    const mixed = digits({ reorder: 0.3 })
    assert.strictEqual(mixed.length, 1_000)
    assert.isAbove(mixed.filter((digit, index) => digit !== index % 10).length, 100)
  })

  it("brings nothing to a host without power, or to one that closed its port meanwhile", () => {
    const network = networkOf({ path: exact })
    const [one, two, three] = [numbered(network, 1), numbered(network, 2), numbered(network, 3)]
    const heard = [two, three].map((machine) => ear(machine))
    send(one, 1, broadcast)
    two.host.up = false
    three.host.clear()
    pass(network.world, 10)
    assert.deepStrictEqual(heard, [[], []])
  })

  it("waits with what a frozen process hears until it thaws", () => {
    const network = networkOf({ path: exact })
    const [one, two] = [numbered(network, 1), numbered(network, 2)]
    const heard = ear(two)
    two.process.freeze()
    send(one, 1, broadcast)
    pass(network.world, 500)
    assert.deepStrictEqual(heard, [])
    two.process.thaw()
    pass(network.world, 1)
    assert.deepStrictEqual(heard, ["1 10.0.0.1 500000"])
  })
})

describe("Network", () => {
  it("is disturbed between those it concerns, as long as it is, by all that disturb it at once", () => {
    const network = networkOf({ path: exact })
    const [one, two] = [numbered(network, 1).host, numbered(network, 2).host]
    const lossy = { concerns: (from: Host) => from === one, change: { loss: 0.5 } }
    const slow = { concerns: () => true, change: { latencyMicros: 5_000, loss: 0.5 } }
    network.disturb(lossy)
    network.disturb(slow)
    assert.strictEqual(network.path(one, two).loss, 0.75)
    assert.strictEqual(network.path(one, two).latencyMicros, 6_000)
    assert.strictEqual(network.path(two, one).loss, 0.5)
    network.calm(slow)
    assert.strictEqual(network.path(one, two).loss, 0.5)
    assert.strictEqual(network.path(two, one).loss, 0)
    network.calm(lossy)
    assert.deepStrictEqual(network.path(one, two), { ...Path.quiet, ...exact })
  })

  it("disturbs nobody's way to themselves", () => {
    const network = networkOf()
    const { host } = numbered(network, 1)
    network.disturb({ concerns: () => true, change: { blocked: true } })
    assert.isTrue(network.passes(host, host))
  })

  it("takes two bad things for no better than one", () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true })
    const change = fc.record({
      blocked: fc.boolean(),
      clogged: fc.boolean(),
      latencyMicros: fc.nat(),
      jitterMicros: fc.nat(),
      loss: fraction,
      duplicate: fraction,
      reorder: fraction,
      bytesPerSecond: fc.integer({ min: 1, max: 1_000_000 })
    })
    fc.assert(fc.property(change, change, (one, other) => {
      const path = Path.worse(Path.worse(Path.quiet, one), other)
      assert.strictEqual(path.blocked, one.blocked || other.blocked)
      assert.strictEqual(path.clogged, one.clogged || other.clogged)
      assert.isAtLeast(path.latencyMicros, one.latencyMicros + other.latencyMicros)
      assert.strictEqual(path.bytesPerSecond, Math.min(one.bytesPerSecond, other.bytesPerSecond))
      for (const what of ["loss", "duplicate", "reorder"] as const) {
        assert.isAtLeast(path[what] + 1e-9, Math.max(one[what], other[what]))
        assert.isAtMost(path[what], 1)
      }
      assert.deepStrictEqual(Path.worse(path, {}), path)
    }))
  })
})

describe("Host", () => {
  it("gives each port once, and again when it is released", () => {
    const host = new Host("h", [attachment("10.0.0.1")])
    assert.strictEqual(host.take(9_001), 9_001)
    assert.isUndefined(host.take(9_001))
    host.release(9_001)
    assert.strictEqual(host.take(9_001), 9_001)
  })

  it("has 16,384 free ports and then none, and takes none that was just released", () => {
    const host = new Host("h", [])
    const first = host.take(0)
    if (first !== undefined) host.release(first)
    assert.notStrictEqual(host.take(0), first)
    const ports = new Set<number | undefined>()
    for (let left = 16_383; left > 0; left--) ports.add(host.take(0))
    assert.strictEqual(ports.size, 16_383)
    assert.isUndefined(host.take(0))
    assert.isTrue([...ports].every((port) => port !== undefined && port >= 49_152 && port <= 65_535))
    host.clear()
    assert.isDefined(host.take(0))
  })
})
