import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { NodeId } from "../../src/domain/NodeId.js"
import { discovery } from "../../src/internal/datagrams.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import type { Report } from "../../src/services/Discovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"

/** What a node that listens on a host sends from an interface with two addresses, and what it tells. */
const announced = (host: string, mode: DiscoveryConfig.Settings["mode"]) =>
  Effect.gen(function*() {
    const sent: Array<string> = []
    const told: Array<Report> = []
    let from = ""
    const made = yield* discovery({
      interfaces: Effect.succeed(
        ["10.0.0.5", "10.0.0.6"].map((address) => ({ name: "eth0", address, netmask: "255.255.255.0" }))
      ),
      open: () =>
        Effect.succeed({
          broken: () => undefined,
          join: (_, address) => Effect.sync(() => void (from = address)),
          send: (_, __, to) => Effect.sync(() => void sent.push(`${from} ${to}`))
        })
    })
    yield* made.listen({ report: (report) => void told.push(report), candidate: () => {} })
    yield* Effect.forkScoped(made.announce(9001))
    yield* Effect.repeatN(Effect.yieldNow(), 50)
    return { sent, told: told.flatMap((report) => report.ev === "beacon.error" ? [report.detail] : []) }
  }).pipe(Effect.provide(Layer.mergeAll(
    NodeConfig.layer({ id: NodeId.make("a"), host: Option.some(host) }),
    DiscoveryConfig.layer({ mode }),
    EphemeralIdentity.layer.pipe(Layer.provide(NodeEntropy.layer)),
    StandardStats.layer
  )))

describe("a node on one of two addresses of an interface", () => {
  for (const host of ["10.0.0.5", "10.0.0.6"]) {
    it.scoped(`is announced from ${host} by multicast`, () =>
      Effect.map(announced(host, "multicast"), ({ sent, told }) => {
        assert.deepStrictEqual(sent, [`${host} 239.255.0.1`])
        assert.deepStrictEqual(told, [])
      }))
  }

  it.scoped("is announced by broadcast on the first one", () =>
    Effect.map(announced("10.0.0.5", "broadcast"), ({ sent, told }) => {
      assert.deepStrictEqual(sent, [" 10.0.0.255"])
      assert.deepStrictEqual(told, [])
    }))

  it.scoped("says that broadcasts do not leave from the second one", () =>
    Effect.map(announced("10.0.0.6", "broadcast"), ({ sent, told }) => {
      assert.deepStrictEqual(sent, [])
      assert.match(told[0] ?? "", /do not leave from 10\.0\.0\.6/)
    }))

  it.scoped("says that discovery is by IPv4", () =>
    Effect.map(announced("::1", "broadcast"), ({ told }) => assert.match(told[0] ?? "", /is by IPv4/)))
})
