/** Two hosts that nobody told of each other: how long the second node takes from its start to a session. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import type { Sample } from "./Load.js"

const far = ["ip", "netns", "exec", "b"]

/** Two network namespaces joined by a pair of interfaces; the shell stands in the first of them. */
const hosts = `
  set -e
  mount -t tmpfs none /run && mkdir /run/netns
  ip netns add b
  ip link add v0 type veth peer name v1 netns b
  ip addr add 10.77.0.1/24 dev v0 && ip -n b addr add 10.77.0.2/24 dev v1
  ip link set lo up && ip -n b link set lo up && ip link set v0 up && ip -n b link set v1 up
  ip route add 224.0.0.0/4 dev v0 && ip -n b route add 224.0.0.0/4 dev v1
  exec "$@"`

const unshare = ["-rmn", "bash", "-c", hosts, "bash"]

/** Whether this user may make such hosts. */
export const possible = (): boolean => spawnSync("unshare", [...unshare, "true"]).status === 0

/** The command that runs another one on the first host. */
export const onHosts = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "unshare",
  ...unshare,
  ...command
]

/** Starts one of a kind on the far host and, once it is at rest, another one here. */
export const meet = async (command: ReadonlyArray<string>): Promise<Sample> => {
  const first = start([...far, ...command])
  await once(first.stdout, "data")
  first.stdout.resume()
  await sleep(1_000)
  const began = performance.now()
  const second = start(command)
  for await (const line of createInterface({ input: second.stdout })) {
    if (line.includes("Connected")) break
  }
  const value = performance.now() - began
  for (const { child } of [first, second]) child.kill("SIGKILL")
  return { value, cpuMicros: null }
}

const start = ([file = "", ...args]: ReadonlyArray<string>) => {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] })
  return { child, stdout: child.stdout }
}
