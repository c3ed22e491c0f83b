/** A signal in every phase of a node's life: it ends at once, says its last words once, and owes nobody a goodbye. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { connect, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join as under } from "node:path"
import { afterAll } from "vitest"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { answer, greet, join, party } from "../hostile/peer.js"
import { dial, Wire } from "../hostile/wire.js"
import { events, listening, type Outcome, program, run, tidy, vix } from "./process.js"

tidy()

const open = new Set<{ readonly close: () => unknown }>()
afterAll(() => {
  for (const resource of open) resource.close()
})

/** A server on a free port of loopback and, once somebody has come, its end of the connection. */
const listen = async () => {
  const server = createServer()
  const socket = new Promise<Socket>((resolve) => server.once("connection", resolve))
  const port = await bound(server)
  return {
    endpoint: `127.0.0.1:${port}`,
    socket: socket.then((met) => (open.add({ close: () => met.destroy() }), met))
  }
}

const bound = (server: Server): Promise<number> => {
  open.add(server)
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { readonly port: number }).port))
  )
}

/** A registry that takes a request of one kind and never answers it; to all others it says that all is well. */
const hanging = async (method: string) => {
  let asked = () => {}
  const request = new Promise<void>((resolve) => asked = resolve)
  const server = createHttpServer((incoming, response) => {
    if (incoming.method === method) asked()
    else response.end(incoming.method === "GET" ? "{\"peers\":[]}" : "{\"ok\":true}")
  })
  const port = await bound(server)
  open.add({ close: () => server.closeAllConnections() })
  return { line: `--bootstrap on --registry http://127.0.0.1:${port}`, request }
}

/** An end as it should be: foreseen, in time, and told once. */
const ended = (outcome: Outcome, cause: string, since: number): void => {
  assert.deepInclude(outcome, { code: 0, signal: null })
  // The bound is wide: the machine may be busy.
  assert.isBelow(performance.now() - since, 3_000)
  const told = events(outcome.stdout)
  assert.deepStrictEqual(told.map(({ seq }) => seq), told.map((_, at) => at))
  assert.deepStrictEqual(
    told.filter(({ ev }) => ev === "stopping" || ev === "final").map((
      { cause, ev, exitCode }
    ) => [ev, cause ?? exitCode]),
    [["stopping", cause], ["final", 0]]
  )
  assert.strictEqual(told.at(-1)?.["ev"], "final")
}

type Node = Awaited<ReturnType<typeof listening>>

const end = async (node: Pick<Node, "child" | "outcome">, signal: NodeJS.Signals): Promise<Outcome> => {
  const since = performance.now()
  node.child.kill(signal)
  const outcome = await node.outcome
  ended(outcome, signal, since)
  return outcome
}

const at = (node: Node) => Endpoint.make("127.0.0.1", Number(node.port))

describe.each(["SIGINT", "SIGTERM"] as const)("%s ends a node", (signal) => {
  it("that has not loaded what it needs, before it listens", async () => {
    const line = `p2p --id A --listen 0 --bind 127.0.0.1 --discovery off --events ndjson`
    const node = run("env", ["NODE_DEBUG=module", process.execPath, program, ...line.split(" ")])
    await node.says(/load .*program\.cjs/, "stderr")
    await end(node, signal)
  })

  it("whose dial is not answered", async () => {
    // Its queue of newcomers is full and it takes none: the system leaves further ones waiting.
    const full = run(process.execPath, [
      "-e",
      `const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
        console.log(server.address().port + ".")
        process.kill(process.pid, "SIGSTOP")
      })`
    ])
    const [, port = ""] = await full.says(/(\d+)\./)
    const filling = Array.from({ length: 6 }, () => connect(Number(port), "127.0.0.1").on("error", () => {}))
    for (const socket of filling) open.add({ close: () => socket.destroy() })
    await Promise.all(
      filling.slice(0, 2).map((socket) =>
        socket.connecting ? new Promise((resolve) => socket.once("connect", resolve)) : undefined
      )
    )
    const node = await listening(`--id A --connect 127.0.0.1:${port}`)
    await node.says(/"to":"Connecting"/)
    const { stdout } = await end(node, signal)
    full.child.kill("SIGKILL")
    assert.include(stdout, "\"from\":\"Connecting\",\"to\":\"Closed\",\"reason\":\"Stopped\"")
  })

  it("that waits for a HelloAck", async () => {
    const { endpoint, socket } = await listen()
    const node = await listening(`--id A --connect ${endpoint}`)
    const wire = new Wire(await socket)
    await Effect.runPromise(wire.read)
    const { stdout } = await end(node, signal)
    assert.include(stdout, "\"from\":\"Handshaking\",\"to\":\"Closed\",\"reason\":\"Stopped\"")
    assert.lengthOf(await Effect.runPromise(wire.rest), 0)
  })

  it("that waits for the confirmation, and the responder hears a goodbye", async () => {
    const { endpoint, socket } = await listen()
    const node = await listening(`--id A --connect ${endpoint}`)
    const peer = await Effect.runPromise(answer(new Wire(await socket), party()))
    assert.isDefined(peer)
    const heard = Effect.runPromise(peer.rest).finally(() => peer.wire.socket.end())
    await end(node, signal)
    assert.deepStrictEqual(await heard, [{ _tag: "Close", reason: "Shutdown", detail: "" }])
  })

  it("to which somebody says nothing", async () => {
    const node = await listening("--id A")
    const silent = connect(Number(node.port), "127.0.0.1").on("error", () => {})
    open.add({ close: () => silent.destroy() })
    await node.says(/"to":"Handshaking"/)
    await end(node, signal)
  })

  it("that waits for a HelloFinish", async () => {
    const node = await listening("--id A")
    await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const wire = yield* dial(at(node))
      yield* greet(wire, party())
      yield* Effect.promise(() => end(node, signal))
      assert.lengthOf(yield* wire.rest, 0)
    })))
  })

  it("that is connected, and its peer hears a goodbye", async () => {
    const node = await listening("--id A")
    await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const peer = yield* join(at(node))
      yield* peer.ping
      const rest = yield* Effect.fork(Effect.ensuring(peer.rest, Effect.sync(() => peer.wire.socket.end())))
      const { stdout } = yield* Effect.promise(() => end(node, signal))
      assert.deepStrictEqual((yield* rest).at(-1), { _tag: "Close", reason: "Shutdown", detail: "" })
      assert.include(JSON.stringify(events(stdout).at(-1)), "\"peers_connected\":1")
    })))
    const again = vix(`p2p --id A --listen ${node.port} --bind 127.0.0.1 --run 0.1 --quiet`)
    assert.strictEqual((await again.outcome).code, 0, "the port is free")
  })

  it.each([["POST", "announces itself"], ["GET", "asks for peers"]])(
    "whose registry hangs (%s) while it %s",
    async (method) => {
      const { line, request } = await hanging(method)
      const node = await listening(`--id A ${line}`)
      await request
      await end(node, signal)
    }
  )

  it("whose registry hangs at the goodbye; a second one ends it at once", async () => {
    const { line, request } = await hanging("DELETE")
    const [patient, hasty] = [await listening(`--id A ${line}`), await listening(`--id B ${line}`)]
    await Promise.all([patient, hasty].map((node) => node.says(/"action":"pull"/)))
    await end(patient, signal)
    await request
    hasty.child.kill(signal)
    await hasty.says(/"ev":"stopping"/)
    hasty.child.kill(signal)
    const { code, stdout } = await hasty.outcome
    assert.strictEqual(code, signal === "SIGINT" ? 130 : 143)
    assert.notInclude(stdout, "\"ev\":\"final\"")
  })

  it("that ends already, since its time is over", async () => {
    const node = await listening("--id A --run 0.5")
    await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const peer = yield* join(at(node))
      yield* peer.ping
      // Half open, it keeps the node at its goodbye for a moment.
      yield* Effect.promise(() => node.says(/"ev":"stopping"/))
      const since = performance.now()
      node.child.kill(signal)
      ended(yield* Effect.promise(() => node.outcome), "the time of --run is over", since)
    })))
  })
})

const namespaces = spawnSync("unshare", ["-rmn", "ip", "link", "set", "lo", "up"]).status === 0

if (!namespaces) console.warn("skipped: a name service that hangs needs `unshare -rmn` and iproute2")

describe.skipIf(!namespaces).each(["SIGINT", "SIGTERM"] as const)("%s ends a node", (signal) => {
  it.each([
    ["of a peer", "--connect peer.example:9001"],
    ["of a registry", "--bootstrap on --registry http://registry.example:8080"]
  ])("that looks up the name %s and gets no answer", async (_, named) => {
    // A name service that takes every question and answers none, in a namespace of its own.
    const script = `
      ip link set lo up
      printf 'nameserver 127.0.0.1\\n' > "$0" && mount --bind "$0" /etc/resolv.conf
      exec '${process.execPath}' -e '
        const { spawn } = require("node:child_process")
        const service = require("node:dgram").createSocket("udp4")
        service.bind(53, "127.0.0.1", () => {
          const line = "p2p --id A --listen 0 --bind 127.0.0.1 --discovery off --events ndjson ${named}"
          const node = spawn(process.execPath, [process.argv[1], ...line.split(" ")])
          let since = Infinity
          service.once("message", () => {
            since = performance.now()
            node.kill("${signal}")
          })
          node.stdout.pipe(process.stdout)
          node.on("exit", (code) => process.exit(performance.now() - since < 3_000 ? code : 99))
        })' '${program}'`
    const outcome = await run("unshare", ["-rmn", "bash", "-c", script, temporary()]).outcome
    ended(outcome, signal, performance.now())
  })
})

/** A path for a file that goes with the tests. */
const temporary = (): string => {
  const folder = mkdtempSync(under(tmpdir(), "vix-signals-"))
  open.add({ close: () => rmSync(folder, { recursive: true }) })
  return under(folder, "resolv.conf")
}
