import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { events, tidy, vix } from "./process.js"

const hashIn = (stdout: string): string => /sha256 ([0-9a-f]{64})/.exec(stdout)?.[1] ?? ""

tidy()

describe("vix simulate", () => {
  it("--help is answered with 0, a mistake with 1 and the way out", async () => {
    const help = await vix("simulate --help").outcome
    assert.deepInclude(help, { code: 0, stderr: "" })
    assert.strictEqual(help.stdout, readFileSync(new URL("../cli/simulateHelp.txt", import.meta.url), "utf8"))
    const refused = await vix("simulate --sed 1").outcome
    assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
    assert.match(
      refused.stderr,
      /^vix simulate: --sed: .*did you mean --seed\?\nSee vix simulate --help\n$/
    )
  })

  it("is the same for the same seed, in every process and in every thread", async () => {
    const line = "simulate --nodes 3 --for 3s --faults all --bootstrap on"
    const [first, second, traced, many] = await Promise.all([
      vix(`${line} --seed 7`).outcome,
      vix(`${line} --seed 7 --twice`).outcome,
      vix(`${line} --seed 7 --events ndjson`).outcome,
      vix(`${line} --seed 6 --seeds 2 --events ndjson`).outcome
    ])
    assert.deepStrictEqual([first.code, second.code, traced.code, many.code], [0, 0, 0, 0])
    const hash = hashIn(first.stdout)
    assert.lengthOf(hash, 64)
    assert.match(first.stdout, /\nPASS\n$/)
    assert.strictEqual(hashIn(second.stdout), hash)
    const trace = events(traced.stdout)
    assert.deepStrictEqual(trace.map(({ seq }) => seq), trace.map((_, at) => at))
    assert.deepInclude(trace.at(-1), { ev: "simulation", seed: 7, verdict: "passed", hash })
    assert.deepInclude(events(many.stdout)[1], { ev: "simulation", seed: 7, verdict: "passed", hash })
  })

  it("runs many seeds side by side", async () => {
    const { code, stderr, stdout } = await vix("simulate --seeds 4 --seed 1 --nodes 4 --for 10s").outcome
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.include(stdout, "seeds    1 to 4: 4 passed, none failed\n")
    assert.match(stdout, /\nPASS\n$/)
  })

  it("tells of a failure, and repeats it by the command that it prints", async () => {
    // The only beacon of a node is lost on its way to the other half.
    const line =
      "simulate --seed 1 --nodes 4 --for 9s --calm 5s --loss 1% --partition 0s..9s --disc-interval 3600000"
    const { code, stdout } = await vix(line).outcome
    assert.strictEqual(code, 31)
    const commands = [...stdout.matchAll(/^Again:\n {2}vix (.*)$/gm)].map(([, words = ""]) => words)
    assert.deepStrictEqual(commands, [line, `${line} --keep 2`])
    for (const command of commands) {
      const again = await vix(command).outcome
      assert.strictEqual(again.code, 31)
      if (command === commands[0]) assert.strictEqual(hashIn(again.stdout), hashIn(stdout))
    }
  })

  it("draws a timeline", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vix-e2e-"))
    const file = join(folder, "a.svg")
    const { code } = await vix(`simulate --seed 1 --nodes 2 --for 1s --timeline ${file}`).outcome
    const svg = readFileSync(file, "utf8")
    rmSync(folder, { recursive: true })
    assert.strictEqual(code, 0)
    assert.match(svg, /^<svg .*<\/svg>\s*$/s)
  })

  it.each([["SIGINT", ""], ["SIGTERM", "--seeds 100"]] as const)(
    "%s ends it at once, here and in threads",
    async (signal, more) => {
      const { child, outcome, says } = vix(`simulate --for 10m --faults all --log-level info ${more}`)
      await says(/ info /, "stderr")
      child.kill(signal)
      const { code, stdout } = await outcome
      assert.strictEqual(code, 0)
      assert.include(stdout, `STOPPED: ${signal}\n`)
    }
  )

  it("stops cleanly when the reader of stdout has gone", async () => {
    const { child, outcome, says } = vix("simulate --for 10m --events ndjson")
    await says(/"seq":0/)
    child.stdout.destroy()
    assert.deepInclude(await outcome, { code: 0, signal: null })
  })
})
