/** Two hosts on one network: two network namespaces that the test makes itself, joined by a pair of interfaces. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { program, run, tidy } from "./process.js"

tidy()

const hosts = `
  set -e
  mount -t tmpfs none /run && mkdir /run/netns
  ip netns add b
  ip link add v0 type veth peer name v1 netns b
  ip addr add 10.77.0.1/24 dev v0 && ip -n b addr add 10.77.0.2/24 dev v1
  ip link set lo up && ip -n b link set lo up && ip link set v0 up && ip -n b link set v1 up`

const able = spawnSync("unshare", ["-rmn", "bash", "-c", hosts]).status === 0

if (!able) console.warn("skipped: two hosts need `unshare -rmn` and iproute2")

/** Runs a line on each host, the second a moment later; the last line of each, with the host's name in front. */
const onTwoHosts = (a: string, b: string, between = "") => {
  const node = `'${process.execPath}' '${program}' p2p`
  return run("unshare", [
    "-rmn",
    "bash",
    "-c",
    `${hosts}
    (${node} --id A --listen 9001 --quiet ${a} 2>&1 | tail -n 1 | sed 's/^/A /') &
    sleep 1
    (ip netns exec b ${node} --id B --listen 9002 --quiet ${b} 2>&1 | tail -n 1 | sed 's/^/B /') &
    ${between}
    wait`
  ]).outcome
}

describe.skipIf(!able).concurrent("two hosts on one network", () => {
  it.each(["broadcast", "multicast"])("find each other by %s, and make one session", async (mode) => {
    const { stdout } = await onTwoHosts(`--disc-mode ${mode} --run 6`, `--disc-mode ${mode} --run 3`)
    assert.match(stdout, /^B peers_total=1 peers_connected=1 .* connect_failures=0 /m)
    assert.match(stdout, /^A peers_total=1 peers_connected=0 .* connect_failures=0 /m)
  })

  it("do not where one leaves the interface between them out", async () => {
    const { stdout } = await onTwoHosts(
      "--iface !v0 --disc-interval 300 --run 5",
      "--disc-interval 300 --run 3"
    )
    assert.match(stdout, /^A peers_total=0 /m)
    assert.match(stdout, /^B peers_total=0 /m)
  })

  it("find each other once the link between them comes up", async () => {
    const { stdout } = await onTwoHosts(
      "--disc-interval 300 --run 8",
      "--disc-interval 300 --run 5",
      "ip link set v0 down; sleep 2; ip link set v0 up"
    )
    assert.match(stdout, /^B peers_total=1 peers_connected=1 /m)
  })
})
