import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { ask, type Question } from "../cli/http.js"
import * as Redis from "../live/redis.js"
import { events, program, run, tidy, vix } from "./process.js"

/** A registry on a free port of loopback, once it listens. */
const listening = async (line: string) => {
  const registry = vix(`registry --listen 0 --bind 127.0.0.1 --events ndjson ${line}`)
  const [, port = ""] = await registry.says(/"ev":"listening",.*?"port":(\d+)/)
  const at = { host: "127.0.0.1", port: Number(port) }
  return { ...registry, port, ask: (question: Question) => Effect.runPromise(ask(at, question)) }
}

const announcement = {
  node_id: "A",
  tcp_port: 9_001,
  cap: { proto: "2.0", transport: "tcp" },
  key: "a1".repeat(32)
}
const announce: Question = { method: "POST", path: "/announce", body: announcement }

tidy()

describe("vix registry", () => {
  it("--help is answered with 0, a mistake with 1 and the way out", async () => {
    const help = await vix("registry --help").outcome
    assert.deepInclude(help, { code: 0, stderr: "" })
    assert.strictEqual(help.stdout, readFileSync(new URL("../cli/registryHelp.txt", import.meta.url), "utf8"))
    const refused = await vix("registry --lisen 1").outcome
    assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
    assert.match(
      refused.stderr,
      /^vix registry: --lisen: .*did you mean --listen\?\nSee vix registry --help\n$/
    )
  })

  it("lists a node that announced itself until its time is over", async () => {
    const { ask } = await listening("--ttl 1")
    assert.strictEqual((await ask(announce)).text, "{\"ok\":true}")
    const { cap: _, ...entry } = announcement
    assert.deepStrictEqual((await ask({ path: "/peers?limit=5" })).json, {
      peers: [{ node_id: entry.node_id, host: "127.0.0.1", tcp_port: entry.tcp_port, key: entry.key }]
    })
    while ((await ask({ path: "/peers" })).text !== "{\"peers\":[]}") await new Promise(setImmediate)
  })

  it("forgets a node at the word of the host that announced it, and of no other", async () => {
    const { ask } = await listening("")
    await ask(announce)
    assert.strictEqual((await ask({ ...announce, method: "DELETE", from: "127.0.0.2" })).status, 403)
    assert.strictEqual((await ask({ path: "/health" })).text, "{\"ok\":true,\"entries\":1}")
    assert.strictEqual((await ask({ ...announce, method: "DELETE" })).status, 200)
    assert.strictEqual((await ask({ path: "/health" })).text, "{\"ok\":true,\"entries\":0}")
  })

  it("keeps its caps, its base path, and to what a trusted proxy says", async () => {
    const { ask } = await listening(
      "--base-path /vix --limit 2 --limit-per-host 1 --trust-forwarded 127.0.0.9"
    )
    const from = (host: string, tcp_port: number): Question => ({
      method: "POST",
      path: "/vix/announce",
      body: { node_id: "B", tcp_port },
      from: "127.0.0.9",
      headers: { "x-forwarded-for": host }
    })
    const statuses: Array<number> = []
    for (
      const question of [from("10.0.0.1", 1), from("10.0.0.1", 2), from("10.0.0.2", 1), from("10.0.0.3", 1)]
    ) statuses.push((await ask(question)).status)
    assert.deepStrictEqual(statuses, [200, 429, 200, 503])
    assert.strictEqual((await ask({ path: "/peers" })).status, 404)
    const { peers } = (await ask({ path: "/vix/peers" })).json as {
      readonly peers: ReadonlyArray<{ readonly host: string }>
    }
    assert.sameMembers(peers.map(({ host }) => host), ["10.0.0.1", "10.0.0.2"])
  })

  it("on a port in use ends with 3 and the way out, in events too", async () => {
    const { port } = await listening("")
    const { code, stderr, stdout } = await vix(`registry --listen ${port} --bind 127.0.0.1 --events ndjson`)
      .outcome
    assert.strictEqual(code, 3)
    assert.strictEqual(
      stderr,
      `vix registry: port ${port} is in use: try another, or \`lsof -i :${port}\`\n`
    )
    assert.deepStrictEqual(events(stdout).map(({ ev, seq }) => [seq, ev]), [[0, "log"], [1, "stopping"], [
      2,
      "final"
    ]])
  })

  it("--quiet says one line, --run ends it", async () => {
    const { code, stderr, stdout } = await vix("registry --listen 0 --bind 127.0.0.1 --quiet --run 0.1")
      .outcome
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.strictEqual(stdout, "announces=0 leaves=0 pulls=0 refused=0\n")
  })

  it.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends it cleanly, and its port is free at once",
    async (signal) => {
      const { ask, child, outcome, port } = await listening("")
      await ask(announce)
      child.kill(signal)
      const { code, stdout } = await outcome
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(events(stdout).map(({ ev }) => ev), [
        "listening",
        "announced",
        "stopping",
        "final"
      ])
      assert.deepInclude(events(stdout).at(-2), { cause: signal })
      const again = vix(`registry --listen ${port} --bind 127.0.0.1 --run 0.1 --quiet`)
      assert.strictEqual((await again.outcome).code, 0)
    }
  )

  it("stops cleanly when the reader of stdout has gone", async () => {
    const { ask, child, outcome } = await listening("")
    child.stdout.destroy()
    // The first line after that finds nobody.
    await ask(announce).catch(() => {})
    assert.deepInclude(await outcome, { code: 0, signal: null })
  })

  it("needs none of the packages it was built from", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vix-e2e-"))
    symlinkSync(dirname(program), join(folder, "bin"))
    const argv = [
      join(folder, "bin", "vix.cjs"),
      "registry",
      "--listen",
      "0",
      "--bind",
      "127.0.0.1",
      "--run",
      "0.1"
    ]
    const { code } = await run(process.execPath, ["--preserve-symlinks", "--preserve-symlinks-main", ...argv])
      .outcome
    rmSync(folder, { recursive: true })
    assert.strictEqual(code, 0)
  })
})

describe.skipIf(!Redis.isThere)("vix registry --store redis", () => {
  let redis: Redis.Redis
  beforeAll(async () => {
    redis = await Redis.start()
  })
  afterAll(() => redis.stop())

  it("shares one list behind a load balancer", async () => {
    const registries = await Promise.all(
      [1, 2].map(() => listening(`--store ${redis.url} --trust-forwarded 127.0.0.1`))
    )
    const balancer = await balanced(registries.map(({ port }) => Number(port)))
    const address = balancer.address() as { readonly port: number }
    const at = { host: "127.0.0.1", port: address.port }
    const through = (question: Question) => Effect.runPromise(ask(at, question))

    assert.strictEqual((await through({ ...announce, from: "127.0.0.5" })).status, 200)
    for (let time = 0; time < 4; time++) {
      const { peers } = (await through({ path: "/peers" })).json as { readonly peers: ReadonlyArray<object> }
      assert.deepInclude(peers[0], { host: "127.0.0.5", tcp_port: 9_001 })
      assert.lengthOf(peers, 1)
    }
    assert.strictEqual((await through({ ...announce, method: "DELETE", from: "127.0.0.6" })).status, 403)
    assert.strictEqual((await through({ ...announce, method: "DELETE", from: "127.0.0.5" })).status, 200)
    assert.strictEqual((await through({ path: "/health" })).text, "{\"ok\":true,\"entries\":0}")

    await redis.stop()
    assert.strictEqual((await through({ path: "/health" })).status, 503)
    balancer.close()
    for (const { child, outcome } of registries) {
      child.kill("SIGINT")
      assert.strictEqual((await outcome).code, 0)
    }
  })
})

/** A proxy that gives requests to several servers in turn. */
const balanced = (ports: ReadonlyArray<number>): Promise<Server> =>
  new Promise((resolve) => {
    let turn = 0
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk)).on("end", () => {
        const port = ports[turn++ % ports.length] ?? 0
        const headers = { "x-forwarded-for": request.socket.remoteAddress ?? "" }
        const question = { method: request.method ?? "GET", path: request.url ?? "/", body, headers }
        void Effect.runPromise(ask({ host: "127.0.0.1", port }, question)).then(({ status, text }) =>
          response.writeHead(status).end(text)
        )
      })
    }).listen(0, "127.0.0.1", () => resolve(server))
  })
