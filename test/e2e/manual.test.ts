/** The lines of the manual as they stand, with their fixed ports, in a network namespace of their own. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { type Outcome, program, run, tidy } from "./process.js"

tidy()

const namespaces = spawnSync("unshare", ["-rn", "ip", "link", "set", "lo", "up"]).status === 0

/** Runs lines side by side, the next one a moment after the one before; what they print has their number in front. */
const sideBySide = (...lines: ReadonlyArray<string>): Promise<Outcome> => {
  const node = `'${process.execPath}' '${program}'`
  const each = lines.map((line, at) =>
    `(${line.replace(/^vix/, node)} 2>&1 | sed -u 's/^/${at + 1} /') & ${
      at < lines.length - 1 ? "sleep 0.7" : ""
    }`
  )
  return run("unshare", ["-rn", "bash", "-c", `ip link set lo up\n${each.join("\n")}\nwait`]).outcome
}

const last = (outcome: Outcome, number: number) =>
  outcome.stdout.trimEnd().split("\n").findLast((line) => line.startsWith(`${number} peers_total`))

if (!namespaces) console.warn("skipped: the manual's lines need `unshare -rn` and iproute2")

describe.skipIf(!namespaces).concurrent("the manual's lines", () => {
  it("run two local nodes", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --discovery off --run 5 --quiet",
      "vix p2p --id B --listen 9002 --discovery off --connect 127.0.0.1:9001 --run 2 --quiet"
    )
    assert.match(
      last(outcome, 1) ?? outcome.stdout,
      /^1 peers_total=1 peers_connected=0 handshakes_started=1 handshakes_completed=1 connect_attempts=0 /
    )
    assert.match(
      last(outcome, 2) ?? outcome.stdout,
      /^2 peers_total=1 peers_connected=1 handshakes_started=1 handshakes_completed=1 connect_attempts=1 /
    )
  })

  it("run two local nodes that hear each other besides: one session all the same", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --run 5 --quiet",
      "vix p2p --id B --listen 9002 --connect 127.0.0.1:9001 --run 3 --quiet"
    )
    assert.match(
      last(outcome, 1) ?? outcome.stdout,
      /^1 peers_total=1 peers_connected=0 .* connect_failures=0 /
    )
    assert.match(
      last(outcome, 2) ?? outcome.stdout,
      /^2 peers_total=1 peers_connected=1 .* connect_failures=0 /
    )
  })

  it("connect with a TCP URL-style endpoint", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --discovery off --run 5 --quiet",
      "vix p2p --id B --listen 9002 --discovery off --connect tcp://127.0.0.1:9001 --run 2 --quiet"
    )
    assert.match(last(outcome, 2) ?? outcome.stdout, /peers_connected=1 /)
  })

  it("connect with a delay to a node that starts later", async () => {
    const outcome = await sideBySide(
      "vix p2p --id B --listen 9002 --discovery off --connect 127.0.0.1:9001 --connect-delay 1500 --run 5 --quiet",
      "vix p2p --id A --listen 9001 --discovery off --run 6 --quiet"
    )
    assert.match(
      last(outcome, 1) ?? outcome.stdout,
      /peers_connected=1 .* connect_attempts=1 .* connect_failures=0 /
    )
  })

  it("disable auto connection: nothing is dialled, whoever is heard", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --run 5 --quiet",
      "vix p2p --id B --listen 9002 --connect 127.0.0.1:9001 --no-connect --run 2 --quiet"
    )
    assert.match(
      last(outcome, 2) ?? outcome.stdout,
      /connect_attempts=0 connect_deduped=0 connect_failures=0/
    )
  })

  it("local discovery demo", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --discovery on --disc-port 37020 --run 5 --quiet",
      "vix p2p --id B --listen 9002 --discovery on --disc-port 37020 --run 3 --quiet"
    )
    assert.match(last(outcome, 2) ?? outcome.stdout, /^2 peers_total=1 peers_connected=1 /)
  })

  it("use different discovery ports by mistake", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --discovery on --disc-port 37020 --run 5 --quiet",
      "vix p2p --id B --listen 9002 --discovery on --disc-port 37021 --disc-interval 300 --run 3 --tui off"
    )
    assert.include(outcome.stdout, "2 [vix p2p] peers_total=0 peers_connected=0")
    assert.match(outcome.stdout, /^2 .*warn .*37021/m)
  })

  it("use a bootstrap registry", async () => {
    const registry = "--discovery off --bootstrap on --registry http://127.0.0.1:8080"
    const outcome = await sideBySide(
      "vix registry --listen 8080 --run 8 --quiet",
      `vix p2p --id A --listen 9001 ${registry} --boot-interval 15 --announce on --run 5 --quiet`,
      `vix p2p --id B --listen 9002 ${registry} --run 3 --quiet`
    )
    assert.match(last(outcome, 3) ?? outcome.stdout, /^3 peers_total=1 peers_connected=1 /)
  })

  it("reuse the same port by mistake", async () => {
    const outcome = await sideBySide(
      "vix p2p --id A --listen 9001 --run 5 --quiet",
      "vix p2p --id B --listen 9001 --run 2 --quiet"
    )
    assert.include(outcome.stdout, "2 vix p2p: port 9001 is in use: try another, or `lsof -i :9001`")
  })

  it("debug connection behaviour", async () => {
    const outcome = await sideBySide(
      "vix p2p --id B --listen 9002 --connect 127.0.0.1:9001 --log-level debug --tui off --run 1"
    )
    assert.match(outcome.stdout, /debug manual dial to 127\.0\.0\.1:9001: dial/)
    assert.match(outcome.stdout, /dial to 127\.0\.0\.1:9001 failed: nothing listens there/)
  })
})
