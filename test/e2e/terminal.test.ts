/** The program in a terminal: a pseudo-terminal, as `script` of util-linux makes it. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { program, run, tidy } from "./process.js"

tidy()

const terminals = spawnSync("script", ["-qfec", "true", "/dev/null"]).status === 0

if (!terminals) console.warn("skipped: a terminal needs `script` of util-linux")

const vix = `'${process.execPath}' '${program}'`

const inTerminal = (columns: number, line: string, environment = "") =>
  run("script", ["-qfec", `stty cols ${columns}; ${environment} exec ${vix} ${line}`, "/dev/null"]).outcome

/** A command in a terminal whose keys are pressed by the test. */
const withKeys = (command: string) => run("script", ["-qfec", command, "/dev/null"], "pipe")

const alone = "p2p --id A --listen 0 --bind 127.0.0.1 --discovery off"

/** What a text leaves on a line, apart from escape sequences. */
const visible = (text: string): string => text.replaceAll(/\u001b\[[?\d]*[A-Za-z]/g, "")

describe.skipIf(!terminals)("in a terminal", () => {
  it("one line is rewritten in place, cut to the width, with log lines above it, and the cursor comes back", async () => {
    const { code, stdout } = await inTerminal(
      40,
      `${alone} --stats-every 100 --run 0.6 --connect 127.0.0.1:1`
    )
    assert.strictEqual(code, 0)
    const [live = "", end] = stdout.split("\u001b[?25h")
    assert.isTrue(live.startsWith("\u001b[?25l"))
    const frames = live.split("\r").map(visible).filter((frame) => frame.startsWith("[vix p2p]"))
    assert.isAtLeast(frames.length, 5)
    for (const frame of frames) assert.isBelow(frame.length, 40)
    assert.match(live, /\r\u001b\[J\S+ warn {2}dial to 127\.0\.0\.1:1 failed: [^\r]*\r\n/)
    assert.match(end ?? "", /^Final\r\n( {2}\w+=\d\r\n){9}bye\r\n$/)
  })

  it("Ctrl-C gives the cursor back", async () => {
    const { child, outcome, says } = withKeys(`exec ${vix} ${alone} --stats-every 100`)
    await says(/peers_total/)
    child.stdin.write("\u0003")
    const { code, stdout } = await outcome
    assert.strictEqual(code, 0)
    assert.isAbove(stdout.lastIndexOf("\u001b[?25h"), stdout.lastIndexOf("\u001b[?25l"))
    assert.match(stdout, /bye\r\n$/)
  })

  it.each([
    [`${alone} --stats-every 100`, "peers_total"],
    ["simulate --for 10h --nodes 8", "pairs"]
  ])("Ctrl-Z gives the cursor back until fg, Ctrl-\\ for good: vix %s", async (line, shown) => {
    const { child, outcome, says } = withKeys(
      `bash -mc "ulimit -c 0; ${vix} ${line}; echo stopped \\$?.; fg; echo over \\$?."`
    )
    await says(new RegExp(shown))
    child.stdin.write("\u001a")
    await says(/\u001b\[\?25l[^]*\r\n\u001b\[\?25h[^]*stopped 148\./)
    await says(new RegExp(`stopped 148[^]*\\u001b\\[\\?25l[^]*${shown}`))
    child.stdin.write("\u001c")
    const { stdout } = await outcome
    assert.match(stdout, /over 131\./)
    assert.isAbove(stdout.lastIndexOf("\u001b[?25h"), stdout.lastIndexOf("\u001b[?25l"))
  })

  it("Ctrl-Z stops nothing that no shell could wake", async () => {
    const { child, outcome, says } = withKeys(`exec ${vix} ${alone} --stats-every 100`)
    await says(/peers_total/)
    child.stdin.write("\u001a")
    await says(/\u001b\[\?25h[^]*\u001b\[\?25l[^]*peers_total/)
    child.stdin.write("\u0003")
    assert.strictEqual((await outcome).code, 0)
  })

  it.each(["TERM=dumb"])("with %s the stats come line by line", async (environment) => {
    const { stdout } = await inTerminal(200, `${alone} --run 0.3`, environment)
    assert.notInclude(stdout, "\u001b")
    assert.match(stdout, /^\[vix p2p\] peers_total=0[^\r]*\r\n/m)
  })
})
