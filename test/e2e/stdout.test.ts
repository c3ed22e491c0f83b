/** A stdout that cannot be written to, and one whose reader is late. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { events, program, run, tidy } from "./process.js"

tidy()

const node = "p2p --id A --listen 0 --bind 127.0.0.1 --discovery off"
const registry = "registry --listen 0 --bind 127.0.0.1"
const simulate = "simulate --seed 1 --nodes 2 --for 1s"

describe.skipIf(!existsSync("/dev/full"))("on a full disk", () => {
  it.each([
    ["vix", "--help"],
    ["vix", "schema"],
    ["vix", "schema registry"],
    ["vix p2p", `${node} --run 0.2 --quiet`],
    ["vix p2p", `${node} --run 0.2 --events ndjson --log-level off`],
    ["vix registry", `${registry} --run 0.2 --log-level off`],
    ["vix registry", `${registry} --run 0.2 --quiet`],
    ["vix simulate", simulate],
    ["vix simulate", `${simulate} --quiet`],
    ["vix simulate", `${simulate} --events ndjson`],
    ["vix simulate", `${simulate} --seeds 2`]
  ])("%s ends with 1 and says why: %s", async (name, line) => {
    const { code, stderr } = await run("sh", [
      "-c",
      `exec '${process.execPath}' '${program}' ${line} >/dev/full`
    ])
      .outcome
    assert.strictEqual(code, 1)
    assert.strictEqual(
      stderr.replace("vix simulate: --seed 1\n", ""),
      `${name}: stdout cannot be written to (ENOSPC)\n`
    )
  })
})

describe("a reader that is late", () => {
  /** A line whose output goes to a pipe that is full until somebody reads it, which begins as `reader` says. */
  const late = (line: string, reader: string) =>
    run("bash", [
      "-c",
      `exec 3<&0
       {
         head -c 65536 /dev/zero
         sh -c 'echo "pid $$." >&2; exec "$0" "$@"' '${process.execPath}' '${program}' ${line}
         echo "over $?." >&2
       } | { ${reader}; tail -c +65537; }`
    ], "pipe")

  it.each([`${node} --run 0.2`, `${registry} --run 0.2`, simulate])("loses nothing of %s", async (line) => {
    const { stderr, stdout } = await late(`${line} --events ndjson`, "sleep 2").outcome
    assert.include(stderr, "over 0.")
    const printed = events(stdout)
    assert.deepStrictEqual(printed.map(({ seq }) => seq), printed.map((_, at) => at))
    assert.include(["final", "simulation"], printed.at(-1)?.["ev"])
  })

  it("is not waited for after a signal", async () => {
    const { child, outcome, says } = late(`${node} --events ndjson`, "read -r _ <&3")
    const [, pid = ""] = await says(/pid (\d+)\./, "stderr")
    await says(/listening on/, "stderr")
    const since = performance.now()
    process.kill(Number(pid), "SIGINT")
    await says(/over 0\./, "stderr")
    // The bound is wide: the machine may be busy.
    assert.isBelow(performance.now() - since, 3_000)
    child.stdin.end("\n")
    await outcome
  })
})
