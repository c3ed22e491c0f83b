import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { NodeId } from "../../src/domain/NodeId.js"
import * as UdpDiscovery from "../../src/layers/UdpDiscovery.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import type { Report } from "../../src/services/Discovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import { candidates, type Heard, type Options, received, reports, start } from "./Discovery.contract.js"
import { bind, freePort, lo, send } from "./udp.js"

const node = (id: string, options: Options) =>
  start<never>(id, UdpDiscovery.layer, { interfaces: lo, ...options })

const failed = (reason: string) => (report: Report) =>
  report.ev === "beacon.error" && report.reason === reason

const details = (told: ReadonlyArray<Report>) =>
  told.flatMap((report) => report.ev === "beacon.error" ? [report.detail] : [])

/** What is told until so many beacons of our own were sent. */
const rounds = (count: number, { reports }: Heard) =>
  Stream.runFold(
    Stream.takeUntil(
      Stream.mapAccum(reports, 0, (sent, report) => {
        const now = sent + (report.ev === "beacon.sent" ? 1 : 0)
        return [now, { report, last: now === count }] as const
      }),
      ({ last }) => last
    ),
    [] as ReadonlyArray<Report>,
    (told, { report }) => [...told, report]
  )

describe("UdpDiscovery", () => {
  it.scopedLive("names the interfaces there are when none is the one to use", () =>
    Effect.gen(function*() {
      const interfaces = { include: ["no such"], exclude: [] }
      const alice = yield* node("alice", { port: yield* freePort, interfaces })
      const told = yield* reports(alice, failed("NoInterface"))
      assert.match(
        details(told)[0] ?? "",
        /--iface no such: no IPv4 interface of that name is up; there are .*lo/
      )
    }))

  it.scopedLive("says that a port is none", () =>
    Effect.gen(function*() {
      // Not by `make`, which would refuse it. Some versions of Node bind such a port, and refuse to send to it.
      const port = 65_536 + (yield* freePort)
      const config = { ...DiscoveryConfig.defaults, interfaces: lo, port }
      const layer = Layer.provide(UdpDiscovery.layer, Layer.succeed(DiscoveryConfig.DiscoveryConfig, config))
      const alice = yield* start<never>("alice", layer)
      yield* alice.discovery.announce(9_001)
      const told = yield* reports(alice, failed("TransportFailed"))
      assert.match(details(told)[0] ?? "", /: the system refuses it \(ERR_SOCKET_BAD_PORT\)$/)
    }))

  it.scopedLive("says when nothing is left to use", () =>
    Effect.gen(function*() {
      const alice = yield* node("alice", {
        port: yield* freePort,
        interfaces: { ...lo, exclude: lo.include }
      })
      const told = yield* reports(alice, failed("NoInterface"))
      assert.deepStrictEqual(details(told), ["--iface leaves no interface to use"])
    }))

  it.scopedLive("announces a node only where it can be dialled", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const on = (host: string) => ({ port, node: { host: Option.some(host) } })
      const [elsewhere, here, any] = yield* Effect.all([
        node("elsewhere", on("192.0.2.77")),
        node("here", on("127.0.0.1")),
        node("any", on("0.0.0.0"))
      ])
      yield* Effect.forEach([elsewhere, here, any], ({ discovery }, at) => discovery.announce(9_001 + at))
      const heard = yield* candidates(here, 3)
      assert.deepStrictEqual(heard.map(({ nodeId }) => nodeId), ["any", "any", "any"])
      assert.include((yield* candidates(elsewhere, 4)).map(({ nodeId }) => nodeId), "here")
      const told = yield* reports(elsewhere, failed("NoInterface"))
      assert.match(details(told)[0] ?? "", /listens on 192\.0\.2\.77 alone/)
    }))

  it.scopedLive("answers nothing, and what it does not understand leads nowhere", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const alice = yield* node("alice", { port, intervalMillis: 100 })
      const stranger = yield* bind(0, false)
      let answers = 0
      stranger.on("message", () => answers++)
      const beacon = (changes: Partial<Beacon.Beacon>) =>
        Beacon.encode({
          nodeId: NodeId.make("x"),
          port: 1,
          sentMillis: 0,
          nonce: 0,
          version: "2.0",
          ...changes
        })
      const sound = beacon({ nodeId: NodeId.make("sound"), key: "0".repeat(16) })
      for (
        const datagram of [
          new Uint8Array(65_507).fill(0x7b),
          new Uint8Array(0),
          Uint8Array.from({ length: 400 }, (_, at) => at % 251),
          sound.subarray(0, -1),
          beacon({ port: 0 }),
          beacon({ port: 65_536 }),
          beacon({ nodeId: "\u001b[2J" as NodeId }),
          beacon({ version: "1.0" }),
          beacon({ network: "00000000" }),
          sound
        ]
      ) yield* send(stranger, datagram, port)
      yield* alice.discovery.announce(9_001)
      assert.deepStrictEqual((yield* candidates(alice, 1)).map(({ nodeId }) => nodeId), ["sound"])
      const told = yield* rounds(3, alice)
      assert.deepStrictEqual(details(told), [])
      assert.strictEqual(answers, 0)
    }))

  it.scopedLive("leaves no socket behind", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "UDPWRAP").length
      const before = sockets()
      for (let time = 0; time < 20; time++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const alice = yield* node("alice", { port })
          yield* alice.discovery.announce(9_001)
          if (time % 2 === 0) yield* reports(alice, received("alice"))
        }))
      }
      // A socket is closed by a turn of the event loop.
      yield* Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
      assert.strictEqual(sockets(), before)
      // Nobody else has the port, so it can be had for oneself.
      yield* bind(port, false)
    }))
})
