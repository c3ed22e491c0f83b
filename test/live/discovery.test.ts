/** Discovery in real time: a port that is not to be had, a flood, many processes on one port, a host without network. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { build } from "esbuild"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as UdpDiscovery from "../../src/layers/UdpDiscovery.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import * as Process from "../e2e/process.js"
import { type Options, received, reports, start } from "../layers/Discovery.contract.js"
import { turn } from "../layers/Transport.contract.js"
import { bind, freePort, lo } from "../layers/udp.js"

const here = (id: string, options: Options) =>
  start<never>(id, UdpDiscovery.layer, { interfaces: lo, intervalMillis: 100, ...options })

describe("a node on loopback", () => {
  it.scopedLive("lives without its port, says so once, and takes it when it is free", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const owner = yield* Scope.make()
      yield* Scope.extend(bind(port, false), owner)
      const alice = yield* here("alice", { port })
      yield* alice.discovery.announce(9_001)
      yield* Effect.sleep(500)
      yield* Scope.close(owner, Exit.void)
      const told = yield* reports(alice, received("alice"))
      const errors = told.flatMap((report) => report.ev === "beacon.error" ? [report] : [])
      assert.deepStrictEqual(errors.map(({ reason }) => reason), ["PortInUse"])
      assert.match(
        errors[0]?.detail ?? "",
        new RegExp(`UDP port ${port} is in use .*lsof -nP -iUDP:${port}.*--disc-port`)
      )
    }))

  it.scopedLive("hears an honest node through a flood of beacons and of garbage, and answers nobody", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const alice = yield* here("alice", { port })
      const telling = yield* Effect.fork(reports(alice, received("bob")))
      const stranger = yield* bind(0, false)
      let answers = 0
      stranger.on("message", () => answers++)
      const beacon = (nonce: number) =>
        Beacon.encode({ nodeId: NodeId.make("flood"), port: 9, sentMillis: 0, nonce, version: "2.0" })
      for (let nonce = 0; nonce < 20_000; nonce++) {
        stranger.send(nonce % 2 === 0 ? beacon(nonce) : new Uint8Array(300), port, "127.0.0.1")
        // The system drops what nobody takes in time; here it is to be taken.
        if (nonce % 20 === 0) yield* turn
      }
      // The flood came from the address of all that is honest here, which has its share again a moment later.
      yield* Effect.sleep(300)
      const bob = yield* here("bob", { port })
      yield* bob.discovery.announce(9_002)
      const told = yield* telling
      assert.isAtMost(told.filter(received("flood")).length, 2_000)
      assert.include(
        told.flatMap((report) => report.ev === "beacon.error" ? [report.reason] : []),
        "RateLimited"
      )
      assert.strictEqual(answers, 0)
    }))
})

/** A node as a process. */
const folder = mkdtempSync(join(tmpdir(), "vix-discovery-"))
const program = join(folder, "node.mjs")
beforeAll(() =>
  build({
    entryPoints: [fileURLToPath(new URL("discoveryNode.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error"
  })
)
const processes: Array<ReturnType<typeof Process.run>> = []
const run = (...[command, argv]: Parameters<typeof Process.run>) => {
  const process = Process.run(command, argv)
  processes.push(process)
  return process
}
afterAll(() => {
  for (const { child } of processes) child.kill("SIGTERM")
  rmSync(folder, { recursive: true })
})

const events = (stdout: string): ReadonlyArray<NodeEvent> =>
  stdout.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as NodeEvent)

const mesh = async (mode: "broadcast" | "multicast", count: number) => {
  const port = await Effect.runPromise(freePort)
  const nodes = Array.from(
    { length: count },
    (_, at) => run(process.execPath, [program, `n${at}`, `${port}`, mode, "2000"])
  )
  await Promise.all(nodes.map(({ says }) => says(new RegExp(`(?:"to":"Connected"[^]*){${count - 1}}`))))
  // Sessions that have to give way do so within a moment.
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (const { child } of nodes) child.kill("SIGTERM")
  return await Promise.all(nodes.map(async ({ outcome }) => (await outcome).stdout))
}

/** The sessions that were in force, by the peer's node id, before the nodes were told to stop. */
const sessions = (stdout: string): ReadonlyMap<string, string> => {
  const live = new Map<string, string>()
  for (const event of events(stdout)) {
    if (event.ev !== "peer.state" || event.nodeId === undefined || event.session === undefined) continue
    if (event.to === "Connected") live.set(event.session, event.nodeId)
    else if (event.reason !== "Shutdown" && event.reason !== "Stopped") live.delete(event.session)
  }
  return live
}

describe.skipIf(networkInterfaces()["lo"] === undefined)("eight processes on one port", () => {
  it.each(["broadcast", "multicast"] as const)(
    "become a mesh with exactly one session for each pair by %s",
    async (mode) => {
      const outputs = await mesh(mode, 8)
      const all = outputs.map(sessions)
      for (const [at, live] of all.entries()) {
        assert.deepStrictEqual(
          [...live.values()].sort(),
          all.flatMap((_, other) => other === at ? [] : [`n${other}`])
        )
        for (const [session, peer] of live) {
          assert.strictEqual(all[Number(peer.slice(1))]?.get(session), `n${at}`)
        }
      }
      const errors = outputs.flatMap(events).filter(({ ev }) => ev === "beacon.error")
      assert.deepStrictEqual(errors, [])
    }
  )
})

const unshared = ["unshare", "-n"] as const
const canUnshare = (() => {
  try {
    execFileSync(unshared[0], [unshared[1], "ip", "link"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

// Needs the right to make a network namespace, and iproute2.
describe.skipIf(!canUnshare)("on a host without network", () => {
  it.each(["broadcast", "multicast"] as const)(
    "nodes start, say so once, and find each other by %s as soon as an interface is up",
    async (mode) => {
      const script = `"$0" "$1" A 37020 ${mode} 200 & a=$!; "$0" "$1" B 37020 ${mode} 200 & b=$!
        trap 'kill $a $b; wait' TERM
        sleep 1.5; ip link set lo up; wait`
      const host = run(unshared[0], [unshared[1], "sh", "-c", script, process.execPath, program])
      await host.says(/"to":"Connected"[^]*"to":"Connected"/)
      host.child.kill("SIGTERM")
      const { stderr, stdout } = await host.outcome
      const errors = events(stdout).flatMap((event) => event.ev === "beacon.error" ? [event.detail] : [])
      assert.deepStrictEqual(
        errors,
        Array.from(
          { length: 2 },
          () => "no IPv4 interface is up; discovery begins by itself as soon as one is"
        )
      )
      assert.match(stderr, /discovery: uses lo \(127\.0\.0\.1\)/)
    }
  )
})
