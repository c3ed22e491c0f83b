/** The scenarios: what is measured, for whom, and how to get one sample of it from processes of its own. */
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as Installed from "./Installed.js"
import { cpuOf, type Sample, type Times } from "./Load.js"
import * as Meeting from "./Meeting.js"
import { type Process, start } from "./Process.js"

export interface Options extends Times {
  /** Where the processes write their CPU profiles, if anywhere. */
  readonly profiles: string | undefined
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly contenders: ReadonlyArray<string>
  /** More rounds would take long and say no more. */
  readonly mostRounds?: number
  /** Left out of a quick run that does not name it. */
  readonly long?: boolean
  /** Why it cannot be measured here, if so. */
  readonly unfit?: () => string | undefined
  readonly sample: (contender: string, options: Options) => Promise<Sample>
}

const node = process.execPath
const root = fileURLToPath(new URL("../../", import.meta.url))
const vix = `${root}dist/bin/vix.cjs`
const worker = fileURLToPath(new URL("worker.mjs", import.meta.url))
const serve = (contender: string, scenario = "", flags: ReadonlyArray<string> = []) => [
  node,
  ...flags,
  worker,
  "serve",
  contender,
  scenario
]

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
    await using server = start(serve(contender, name, profile), { leaves: true })
    const port = await server.line()
    const ends = [port, server.pid, seconds, warmSeconds].map(String)
    await using client = start([node, ...profile, worker, "load", contender, name, ...ends], { leaves: true })
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
    return { value: performance.now() - began, cpuMicros: null }
  }
})

/** Resident memory a second after the first line, or after the start if there is none. */
const memory = (name: string, title: string, commands: Record<string, ReadonlyArray<string>>): Scenario => ({
  name,
  title,
  unit: "MiB",
  contenders: Object.keys(commands),
  mostRounds: 3,
  sample: async (contender) => {
    await using process = start(commands[contender] ?? [])
    await Promise.race([process.firstWords, sleep(1_000)])
    await sleep(1_000)
    return { value: residentKib(process) / 1_024, cpuMicros: null }
  }
})

/** One node with many sessions; the other ends are in a process of their own. */
const crowd = (
  scenario: Pick<Scenario, "name" | "title" | "unit" | "contenders">,
  sample: (server: Process, gathered: (upTo: number) => Promise<void>) => Promise<Sample>
): Scenario => ({
  ...scenario,
  mostRounds: 1,
  long: true,
  unfit: onLinux,
  sample: async (contender) => {
    const options = { deadlineMillis: 600_000, leaves: true }
    await using server = start(serve(contender, scenario.name, ["--expose-gc"]), options)
    const port = await server.line()
    await using client = start([node, worker, "crowd", contender, scenario.name, port], options)
    let open = 0
    return await sample(server, async (upTo) => {
      client.say(String(upTo - open))
      open = upTo
      await client.line()
      const handles = readdirSync(`/proc/${server.pid}/fd`).length
      if (handles < open) throw new Error(`${open} sessions and only ${handles} handles`)
    })
  }
})

/** How long sessions are left alone before their memory is looked at. */
const restMillis = 10_000

/** A few sessions come first, so that what is loaded and compiled once is no part of a peer. */
const few = 64

const memoryOfPeers = (count: number): Scenario =>
  crowd(
    {
      name: `memory-${count}`,
      title: `resident memory of a connected peer, ${count} of them`,
      unit: "KiB",
      contenders: everybody
    },
    async (server, gathered) => {
      await gathered(few)
      const base = await atRest(server)
      await gathered(count)
      return { value: (await atRest(server) - base) / (count - few), cpuMicros: null }
    }
  )

const heartbeats = (count: number, seconds: number): Scenario =>
  crowd(
    {
      name: "heartbeats",
      title: `CPU of a node for ${count} peers, a heartbeat every 5 s both ways`,
      unit: "% core",
      contenders: ["raw", "secret-stream", "libp2p", "vix"]
    },
    async (server, gathered) => {
      await gathered(count)
      await sleep(2_000)
      const before = cpuOf(server.pid)
      await sleep(1_000 * seconds)
      const used = cpuOf(server.pid) - before
      return { value: used / (1e4 * seconds), cpuMicros: used / (count * seconds / 5) }
    }
  )

/**
 * Kibibytes once the server has cleared up. Twice, for V8 gives back the room that the young objects of a busy time
 * needed once it has seen that hardly any come between two collections.
 */
const atRest = async (server: Process): Promise<number> => {
  for (let times = 0; times < 2; times++) {
    await sleep(restMillis)
    server.say("")
    await server.line()
  }
  return residentKib(server)
}

const residentKib = ({ pid }: Process): number =>
  Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1])

const onLinux = () => process.platform === "linux" ? undefined : "it reads /proc"

/** Every event is a line of the output, and nothing else is said. */
const talking = ["--events", "ndjson", "--log-level", "off"]

const discovery: Scenario = {
  name: "discovery",
  title: "second node's start to session, two hosts",
  unit: "ms",
  contenders: ["libp2p", "vix"],
  unfit: () => Meeting.possible() ? undefined : "two hosts need `unshare -rmn` and iproute2",
  sample: async (contender) => {
    const command = contender === "vix"
      // Two of them, with a name each.
      ? ["bash", "-c", `exec "$0" "$@" --id "N$$"`, node, vix, "p2p", "--listen", "0", ...talking]
      : [node, worker, "discover", contender]
    await using process = start(Meeting.onHosts([node, worker, "meet", ...command]), { leaves: true })
    return JSON.parse(await process.line())
  }
}

const installed: Scenario = {
  name: "installed",
  title: "installed size, dependencies included",
  unit: "MiB",
  contenders: ["secret-stream", "libp2p", "vix"],
  mostRounds: 1,
  sample: (contender) => {
    const peers: Record<string, ReadonlyArray<string>> = {
      "secret-stream": ["@hyperswarm/secret-stream"],
      "libp2p": ["libp2p", "@libp2p/tcp", "@libp2p/noise", "@libp2p/yamux", "@libp2p/ping", "@libp2p/mdns"]
    }
    const names = peers[contender]
    const bytes = names === undefined ? Installed.own(root) : Installed.packages(`${root}bench`, names)
    return Promise.resolve({ value: bytes / 1_048_576, cpuMicros: null })
  }
}

const simulator: Scenario = {
  name: "simulator",
  title: "actions of a simulated world with 10 nodes",
  unit: "/s",
  contenders: ["heap", "test-clock", "vix"],
  sample: async (contender, { seconds }) => {
    await using process = start([node, worker, "simulate", contender, "", String(seconds)], { leaves: true })
    return JSON.parse(await process.line())
  }
}

const alone = ["--id", "A", "--listen", "0", "--bind", "127.0.0.1", "--discovery", "off"]
const listening = [node, vix, "p2p", ...alone, ...talking]
const bare = [node, "-e", "0"]
const everybody = ["raw", "tls", "secret-stream", "libp2p", "vix"]

export const scenarios: ReadonlyArray<Scenario> = [
  session("handshakes", "handshakes, one after another", "/s", ["protocol", ...everybody]),
  session("handshakes-64", "handshakes, 64 at once", "/s", ["protocol", ...everybody]),
  session("round-trip", "round trip of 64 B, median", "us", [...everybody, "vix-streams"]),
  session("one-way", "messages of 100 B, one way", "/s", [
    "raw",
    "raw-each",
    "tls",
    "secret-stream",
    "secret-stream-batched",
    "libp2p",
    "libp2p-batched",
    "vix",
    "vix-streams"
  ]),
  session("bulk", "messages of 64 KiB, one way", "MB/s", [...everybody, "vix-streams"]),
  command("start", "start to listening", {
    node: bare,
    raw: serve("raw"),
    tls: serve("tls"),
    "secret-stream": serve("secret-stream"),
    libp2p: serve("libp2p"),
    vix: listening
  }),
  command("help", "--help", { node: bare, vix: [node, vix, "--help"] }),
  discovery,
  memory("memory-idle", "resident memory of a node without peers", {
    node: [node, "-e", "setInterval(() => {}, 1e6)"],
    libp2p: serve("libp2p"),
    vix: listening
  }),
  memoryOfPeers(1_000),
  memoryOfPeers(5_000),
  heartbeats(1_000, 10),
  installed,
  simulator
]
