/** The scenarios: what is measured, for whom, and how to get one sample of it from processes of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Sample, Times } from "./Load.js"

export interface Options extends Times {
  /** Where the processes write their CPU profiles, if anywhere. */
  readonly profiles: string | undefined
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly unit: string
  /** The first one is what the others are compared with. */
  readonly contenders: ReadonlyArray<string>
  readonly sample: (contender: string, options: Options) => Promise<Sample>
}

const vix = fileURLToPath(new URL("../bin/vix.cjs", import.meta.url))
const worker = fileURLToPath(new URL("worker.mjs", import.meta.url))
/** No sample may take longer. */
const deadlineMillis = 60_000

/** Two processes: a server, and a client that loads it. */
const session = (name: string, title: string, unit: string, contenders: ReadonlyArray<string>): Scenario => ({
  name,
  title,
  unit,
  contenders,
  sample: async (contender, { profiles, seconds, warmSeconds }) => {
    const profile = profiles === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profiles}/${name}-${contender}`]
    await using server = start([...profile, worker, "serve", contender])
    const port = await server.line()
    const ends = [port, server.pid, seconds, warmSeconds].map(String)
    await using client = start([...profile, worker, "load", contender, name, ...ends])
    return JSON.parse(await client.line())
  }
})

/** How long a command takes to print its first line or, if it prints none, to end. */
const command = (name: string, title: string, commands: Record<string, ReadonlyArray<string>>): Scenario => ({
  name,
  title,
  unit: "ms",
  contenders: Object.keys(commands),
  sample: async (contender) => {
    const began = performance.now()
    await using process = start(commands[contender] ?? [])
    await process.firstWords
    return { value: performance.now() - began, cpuMicros: null, operations: 1 }
  }
})

/** Resident memory a second after the first line, or after the start if there is none. */
const memory = (name: string, title: string, commands: Record<string, ReadonlyArray<string>>): Scenario => ({
  name,
  title,
  unit: "MiB",
  contenders: Object.keys(commands),
  sample: async (contender) => {
    await using process = start(commands[contender] ?? [])
    await Promise.race([process.firstWords, sleep(1_000)])
    await sleep(1_000)
    const kib = /VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, "latin1"))?.[1]
    return { value: Number(kib) / 1_024, cpuMicros: null, operations: 1 }
  }
})

const listening = [vix, "p2p", "--id", "A", "--listen", "0", "--bind", "127.0.0.1", "--events", "ndjson"]

export const scenarios: ReadonlyArray<Scenario> = [
  command("start", "start to listening", { node: ["-e", "0"], vix: listening }),
  command("help", "--help", { node: ["-e", "0"], vix: [vix, "--help"] }),
  memory("memory", "resident memory, idle", { node: ["-e", "setInterval(() => {}, 1e6)"], vix: listening }),
  session("handshakes", "handshakes, one after another", "/s", ["raw", "tls", "vix"]),
  session("handshakes-64", "handshakes, 64 at once", "/s", ["raw", "tls", "vix"]),
  session("round-trip", "round trip of 64 B, median", "us", ["raw", "tls", "vix"]),
  session("one-way", "messages of 100 B, one way", "/s", ["raw", "raw-each", "tls", "vix"]),
  session("bulk", "messages of 64 KiB, one way", "MB/s", ["raw", "tls", "vix"])
]

/** A Node process that is gone when it is disposed of; what goes wrong in it shows up as an error here. */
const start = (args: ReadonlyArray<string>) => {
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null || child.pid === undefined) {
    throw new Error(`cannot run node ${args.join(" ")}`)
  }
  stdin.on("error", () => {})
  const kill = setTimeout(() => child.kill("SIGKILL"), deadlineMillis)
  const exited = once(child, "exit").finally(() => clearTimeout(kill))
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid,
    firstWords: Promise.race([once(stdout, "data"), exited]),
    line: async (): Promise<string> => {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`node ${args.join(" ")} ended without a word`)
      return value
    },
    [Symbol.asyncDispose]: async () => {
      stdin.end()
      const patience = setTimeout(() => child.kill(), 2_000)
      if (child.exitCode === null && !args.includes(worker)) child.kill()
      await exited
      clearTimeout(patience)
    }
  }
}
