import { assert, describe, it } from "@effect/vitest"
import { events, tidy, vix } from "../e2e/process.js"

tidy()

describe.concurrent("--run", () => {
  it.each([1, 2.5])("%s ends that many seconds after listening", async (seconds) => {
    const { code, stdout } = await vix(
      `p2p --id A --listen 0 --bind 127.0.0.1 --events ndjson --run ${seconds}`
    ).outcome
    const at = (ev: string) => Date.parse(String(events(stdout).find((event) => event["ev"] === ev)?.["t"]))
    assert.strictEqual(code, 0)
    assert.closeTo(at("stopping") - at("listening"), seconds * 1_000, 250)
  })

  it("10 --quiet is the manual's short demo: ten seconds, one line", async () => {
    const { code, stderr, stdout } = await vix("p2p --id A --listen 0 --bind 127.0.0.1 --run 10 --quiet")
      .outcome
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.match(stdout, /^peers_total=0( \w+=0){8}\n$/)
  }, 30_000)
})
