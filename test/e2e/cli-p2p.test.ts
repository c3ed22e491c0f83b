import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { events, listening, program, run, tidy, vix } from "./process.js"

tidy()

describe("without a node", () => {
  it("help and version are answered with 0, nothing at all with help", async () => {
    assert.deepInclude(await vix("--version").outcome, { code: 0, stderr: "" })
    const help = await vix("p2p --id A -h").outcome
    assert.deepInclude(help, { code: 0, stderr: "" })
    assert.strictEqual(help.stdout, readFileSync(new URL("../cli/help.txt", import.meta.url), "utf8"))
    assert.deepInclude(await vix().outcome, { code: 0, stderr: "" })
  })

  it("the JSON Schema of the events is printed", async () => {
    const { code, stdout } = await vix("schema").outcome
    assert.strictEqual(code, 0)
    assert.property(JSON.parse(stdout), "anyOf")
  })

  it.each([
    ["p2p", /^vix p2p: missing required options: --id and\/or --listen\nSee vix p2p --help\n$/],
    ["p2p --id A --listen 9001 --bootstrap on", /expected --registry too/],
    ["p2p --id A --lisen 9001", /did you mean --listen\?/],
    ["p3p", /did you mean vix p2p\?/]
  ])("vix %s is refused with 1", async (line, message) => {
    const { code, stderr, stdout } = await vix(line).outcome
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.match(stderr, message)
  })
})

describe("a run", () => {
  it("--run 0.3 --quiet ends by itself with one line", async () => {
    const { code, stderr, stdout } = await vix("p2p --id=A --listen=0 --bind=127.0.0.1 --run=0.3 --quiet")
      .outcome
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.match(stdout, /^peers_total=0 peers_connected=0( \w+=0){7}\n$/)
  })

  it("prints stats on stdout and logs on stderr, without escape codes in a pipe", async () => {
    const { code, stderr, stdout } = await vix("p2p --id A --listen 0 --bind 127.0.0.1 --run 0.3")
      .outcome
    assert.strictEqual(code, 0)
    assert.match(stdout, /^(\[vix p2p\] peers_total=0( \w+=0){8}\n)+Final\n( {2}\w+=0\n){9}bye\n$/)
    assert.match(stderr, /^\S+ info {2}listening on 127\.0\.0\.1:\d+, PeerId [0-9a-f]{16}…\n$/)
  })

  it("ends by itself: nothing is left that `process.exit` would have to cut off", async () => {
    const { endpoint } = await listening("--id B")
    const folder = mkdtempSync(join(tmpdir(), "vix-e2e-"))
    const noExit = join(folder, "no-exit.cjs")
    writeFileSync(noExit, "process.exit = () => process.reallyExit(99)")
    const line = `p2p --id A --listen 0 --bind 127.0.0.1 --iface lo --connect ${endpoint} --run 0.5 --quiet`
    const { code } = await run(process.execPath, ["-r", noExit, program, ...line.split(" ")]).outcome
    assert.strictEqual(code, 0)
    rmSync(folder, { recursive: true })
  })

  it("stops cleanly when the reader of stdout has gone", async () => {
    const node = vix("p2p --id A --listen 0 --bind 127.0.0.1 --stats-every 50")
    await node.says(/peers_total/)
    node.child.stdout.destroy()
    assert.deepInclude(await node.outcome, { code: 0, signal: null })
  })

  it("on a port in use ends with 3 and the way out, in events too", async () => {
    const { port } = await listening("--id A")
    const { code, stderr, stdout } = await vix(`p2p --id B --listen ${port} --bind 127.0.0.1 --events ndjson`)
      .outcome
    assert.strictEqual(code, 3)
    assert.include(stderr, `port ${port} is in use: try another, or \`lsof -i :${port}\``)
    assert.deepStrictEqual(events(stdout).map(({ ev, seq }) => [seq, ev]), [[0, "log"], [1, "stopping"], [
      2,
      "final"
    ]])
  })

  it("with --ready-file tells where it listens for as long as it does", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vix-e2e-"))
    const file = join(folder, "ready")
    const node = await listening(`--id A --ready-file ${file}`)
    await node.says(/"ev":"stats"/)
    assert.strictEqual(
      String((JSON.parse(readFileSync(file, "utf8")) as { readonly port: number }).port),
      node.port
    )
    node.child.kill("SIGINT")
    assert.strictEqual((await node.outcome).code, 0)
    assert.isFalse(existsSync(file))
    rmSync(folder, { recursive: true })
  })

  it("with --wait-peers ends with 0 once they are there, with 5 if they do not come", async () => {
    const { endpoint } = await listening("--id A")
    const met = await vix(
      `p2p --id B --listen 0 --bind 127.0.0.1 --connect ${endpoint} --wait-peers 1 --quiet`
    ).outcome
    assert.strictEqual(met.code, 0)
    assert.match(met.stdout, /^peers_total=1 peers_connected=1 /)
    const unmet = await vix(
      `p2p --id C --listen 0 --bind 127.0.0.1 --connect ${endpoint} --wait-peers 2 --wait-timeout 0.5 --quiet`
    ).outcome
    assert.deepInclude(unmet, { code: 5, stderr: "vix p2p: --wait-peers 2: 1 connected after 0.5 s\n" })
  })
})

describe("mistakes that the manual knows", () => {
  it("a peer that is not there yet is named, with what to do and when it is tried again", async () => {
    const { child, endpoint, outcome } = await listening("--id A")
    child.kill("SIGINT")
    await outcome
    const node = vix(`p2p --id B --listen 0 --bind 127.0.0.1 --connect ${endpoint}`)
    await node.says(
      /warn {2}dial to \S+ failed: nothing listens there; start .* --connect-delay; next try in \d/,
      "stderr"
    )
  })

  it("one node id on two nodes is told on both", async () => {
    const first = await listening("--id A")
    const second = await listening(`--id A --connect ${first.endpoint}`)
    await Promise.all(
      [first, second].map((node) => node.says(/warn .*another live node has this node id/, "stderr"))
    )
  })

  it("a node that is to connect to itself says so", async () => {
    const { child, endpoint, outcome, port } = await listening("--id A")
    child.kill("SIGINT")
    await outcome
    const node = vix(`p2p --id A --listen ${port} --connect ${endpoint}`)
    await node.says(/warn {2}dial to \S+: this endpoint is this very node; it is not dialled again/, "stderr")
  })
})

describe.each(["SIGINT", "SIGTERM"] as const)("%s", (signal) => {
  const final = (stdout: string) => events(stdout).filter(({ ev }) => ev === "final")

  it("ends a node that listens, and its port is free at once", async () => {
    const node = await listening("--id A")
    node.child.kill(signal)
    const { code, stdout } = await node.outcome
    assert.strictEqual(code, 0)
    assert.lengthOf(final(stdout), 1)
    assert.deepInclude(events(stdout).at(-2), { ev: "stopping", cause: signal })
    const again = vix(`p2p --id A --listen ${node.port} --bind 127.0.0.1 --run 0.1 --quiet`)
    assert.strictEqual((await again.outcome).code, 0)
  })

  it("ends a node whose peer does not answer in a handshake", async () => {
    const server = await silent()
    const { port } = server.address() as { readonly port: number }
    const node = await listening(`--id A --connect 127.0.0.1:${port}`)
    await node.says(/"to":"Handshaking"/)
    node.child.kill(signal)
    const { code, stdout } = await node.outcome
    server.close()
    assert.strictEqual(code, 0)
    assert.lengthOf(final(stdout), 1)
  })

  it("ends a connected node, and its peer hears a goodbye", async () => {
    const first = await listening("--id A")
    const second = await listening(`--id B --connect ${first.endpoint}`)
    await Promise.all([first.says(/"to":"Connected"/), second.says(/"to":"Connected"/)])
    second.child.kill(signal)
    const { code, stdout } = await second.outcome
    assert.strictEqual(code, 0)
    const [last] = final(stdout)
    assert.deepInclude(last?.["counters"], { peers_total: 1, peers_connected: 1 })
    assert.deepStrictEqual(events(stdout).map(({ seq }) => seq), events(stdout).map((_, at) => at))
    await first.says(/"from":"Connected","to":"Closed","reason":"Shutdown","origin":"remote"/)
  })

  it("for the second time ends it at once", async () => {
    const first = await listening("--id A")
    const second = await listening(`--id B --connect ${first.endpoint}`)
    await Promise.all([first.says(/"to":"Connected"/), second.says(/"to":"Connected"/)])
    // A peer that has stopped takes no goodbye, so that there is time for the second signal.
    first.child.kill("SIGSTOP")
    second.child.kill(signal)
    await second.says(/"ev":"stopping"/)
    second.child.kill(signal)
    const { code, stdout } = await second.outcome
    assert.strictEqual(code, signal === "SIGINT" ? 130 : 143)
    assert.lengthOf(final(stdout), 0)
  })
})

/** Something that accepts and says nothing. */
const silent = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer(() => {})
    server.listen(0, "127.0.0.1", () => resolve(server))
  })
