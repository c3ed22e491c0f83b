import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Admission } from "../../src/domain/Admission.js"
import { Guard } from "../../src/domain/Guard.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerTable } from "../../src/domain/PeerTable.js"
import { Sightings } from "../../src/domain/Sightings.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import * as Crypto from "../../src/protocol/Crypto.js"
import { Ephemerals } from "../../src/protocol/Ephemerals.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"
import { Host, type Network } from "../../src/simulation/Network.js"
import { Station } from "../../src/simulation/Station.js"
import * as Tcp from "../../src/simulation/Tcp.js"
import { read, write } from "../layers/connections.js"
import { signer } from "../protocol/parties.js"
import { at, attachment, machineOn, networkOf, pass } from "./worlds.js"

const wide = (address: string) => ({ ...attachment(address), netmask: "255.255.0.0" })

/** Tables so small that the attackers would fill each many times. */
const limits: Limits.Limits = {
  ...Limits.defaults,
  endpoints: 64,
  heardNodes: 64,
  addressesTracked: 64,
  seenHellos: 64,
  lostPeers: 64
}

/** A host that is heard once, dials once, shakes hands if it is one of those, and goes. */
const attacker = (network: Network, number: number, target: Host): void => {
  const machine = machineOn(network, `a${number}`, [wide(`10.0.${1 + (number >> 7)}.${1 + (number & 127)}`)])
  const { chance, host, process, network: { world } } = machine
  const via = host.attachments[0]
  const key = chance.bytes(8)
  if (via !== undefined) {
    const beacon = Beacon.encode({
      nodeId: NodeId.make(`a${number}`),
      port: 9_001,
      sentMillis: 0,
      nonce: number,
      version: Beacon.version,
      key: Crypto.hex(key)
    })
    network.send(host, via, beacon, DiscoveryConfig.defaults.port, "10.0.255.255")
  }
  const socket = Tcp.connect(network, process, host, 50_000, at({ ...machine, host: target }, 9_001))
  const local = {
    identity: signer(chance.bytes(32)),
    instance: chance.bytes(16),
    nodeId: NodeId.make(`a${number}`),
    listenPort: 9_001,
    capabilities: {},
    staticKey: Crypto.keyPair("X25519", chance.bytes(32)),
    networkKey: new Uint8Array(32),
    limits
  }
  const { connection } = socket
  const visit = Effect.gen(function*() {
    yield* socket.connected
    const initiator = new Initiator(local, Crypto.keyPair("X25519", chance.bytes(32)))
    yield* write(connection, [initiator.hello])
    if (number % 2 === 0) return yield* Effect.sleep(4_000)
    for (;;) {
      const chunk = yield* read(connection)
      if (Option.isNone(chunk)) return
      const step = initiator.receive(chunk.value)
      if (step._tag === "Rejected") return
      if (step._tag === "Proven") break
    }
    yield* write(connection, [initiator.finish({ connSeq: 1n, seenSeq: 0n }).frame])
    yield* Effect.sleep(500)
  })
  process.run(Effect.ensuring(Effect.ignore(visit), Effect.sync(() => socket.close())))
  world.after(10_000_000, () => {
    process.kill()
    network.hosts.delete(host.name)
  })
}

/** The tables of a class that a node makes, as they show up in its calls. */
const seen = <T extends object>(type: { readonly prototype: T }, method: keyof T & string): Set<T> => {
  const tables = new Set<T>()
  const original = type.prototype[method] as (this: T, ...args: ReadonlyArray<unknown>) => unknown
  vi.spyOn(type.prototype as Record<string, (...args: ReadonlyArray<unknown>) => unknown>, method)
    .mockImplementation(function(this: unknown, ...args) {
      tables.add(this as T)
      return original.apply(this as T, args)
    })
  return tables
}

describe("2,000 attackers, each with an address and a key of its own", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it("fill no table of a node beyond its limit, and leave it at work", { timeout: 120_000 }, async () => {
    const guards = seen(Guard, "ask")
    const sightings = seen(Sightings, "heard")
    const admissions = seen(Admission, "admit")
    const ephemerals = seen<Ephemerals<object>>(Ephemerals, "gate")
    const peers = seen(PeerTable, "room")
    const network = networkOf({ seed: 3 })
    const { world } = network
    const station = (name: string, address: string): Station => {
      const one: Station = new Station(network, new Host(name, [wide(address)]), {
        node: NodeConfig.make({ id: NodeId.make(name), port: 9_001, limits }),
        discovery: DiscoveryConfig.defaults,
        bootstrap: undefined,
        keepsKey: true,
        app: Layer.empty
      }, { event: () => {}, listening: () => Effect.void, ended: () => {}, defect: () => {}, log: () => {} })
      one.start()
      return one
    }
    const victim = station("victim", "10.0.0.1")
    let handshakes = 0
    const filled = new Set<string>()
    const bounded = (table: string, size: number, limit: number): void => {
      assert.isAtMost(size, limit, table)
      if (2 * size > limit) filled.add(table)
    }
    const within = (): void => {
      for (const guard of guards) bounded("endpoints", guard.tracked, limits.endpoints)
      for (const heard of sightings) {
        bounded("heard nodes", heard.nodes, limits.heardNodes)
        bounded("heard addresses", heard.addresses, limits.addressesTracked)
      }
      for (const admission of admissions) {
        bounded("addresses", admission.tracked, limits.addressesTracked)
        bounded("half-open", admission.halfOpen, limits.halfOpen)
      }
      for (const keys of ephemerals) {
        bounded("Hellos", keys.remembered, limits.seenHellos)
        bounded("own Hellos", keys.inFlight, limits.endpoints)
      }
      for (const table of peers) {
        const { connected, total } = table.gauges(Number.NEGATIVE_INFINITY)
        bounded("peers", connected, limits.peers)
        bounded("lost peers", total - connected, limits.lostPeers)
      }
      const services = victim.life?.services
      assert(services !== undefined)
      handshakes = Effect.runSync(Context.get(services, Stats).snapshot).handshakes_completed
    }
    pass(world, 1_000)
    for (let number = 0; number < 2_000; number++) {
      attacker(network, number, victim.host)
      pass(world, 20)
      if (number % 20 === 0) {
        within()
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    pass(world, 20_000)
    within()
    assert.isAtLeast(handshakes, 500)
    assert.includeMembers([...filled], [
      "endpoints",
      "heard nodes",
      "heard addresses",
      "addresses",
      "half-open",
      "Hellos",
      "lost peers"
    ])
    const friend = station("friend", "10.0.0.2")
    pass(world, 30_000)
    for (const { life } of [victim, friend]) {
      assert(life?.services !== undefined)
      const live = Effect.runSync(Context.get(life.services, Node).peers).filter(({ state }) =>
        state === "Connected"
      )
      assert.strictEqual(live.length, 1)
    }
    victim.kill(true)
    friend.kill(true)
  })
})
