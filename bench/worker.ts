/**
 * One end of a session in a process of its own.
 *
 * `worker serve CONTENDER SCENARIO` prints its port, and a line for each one that it reads, when it has cleared up.
 * `worker load CONTENDER SCENARIO PORT PID SECONDS WARM-UP` prints what it measured.
 * `worker crowd CONTENDER SCENARIO PORT` opens as many sessions as each line that it reads says, and prints a line.
 * `worker discover CONTENDER` prints a line when it listens and one when it is connected.
 * `worker simulate CONTENDER "" SECONDS` prints what it measured of a world in this process.
 * `worker meet COMMAND...` starts two of a kind, and prints how long the second one takes to be connected.
 */
import { createInterface } from "node:readline"
import type { Contender } from "./Contender.js"
import { type loads, measure } from "./Load.js"

const [role = "", name = "", scenario = "", ...rest] = process.argv.slice(2)
const numbers = rest.map(Number)

const heartbeatMillis = scenario === "heartbeats" ? 5_000 : undefined

const raw = async (writing: "batched" | "each"): Promise<Contender> => {
  const { beating, make } = await import("./Raw.js")
  return heartbeatMillis === undefined ? make(writing) : beating(heartbeatMillis)
}

const peer = async (file: string, writing: "batched" | "each"): Promise<Contender> => {
  const { make } = await import("./Peers.js")
  return make(file, {
    writing,
    idle: heartbeatMillis !== undefined || scenario.startsWith("memory"),
    heartbeatMillis
  })
}

const contenders: Record<string, () => Promise<Contender>> = {
  "raw": () => raw("batched"),
  "raw-each": () => raw("each"),
  "tls": async () => (await import("./Tls.js")).make(),
  "libp2p": () => peer("libp2p", "each"),
  "libp2p-batched": () => peer("libp2p", "batched"),
  "secret-stream": () => peer("secret-stream", "each"),
  "secret-stream-batched": () => peer("secret-stream", "batched"),
  "protocol": async () => (await import("./Protocol.js")).make(),
  "vix": async () => (await import("./Vix.js")).make("functions"),
  "vix-streams": async () => (await import("./Vix.js")).make("streams")
}

const contender = (): Promise<Contender> => {
  const make = contenders[name]
  if (make === undefined) throw new Error(`no contender ${name}`)
  return make()
}

/** Answers each line, one after another; the end of our input is the end of the measurement. */
const obey = async (answer: (line: string) => unknown) => {
  for await (const line of createInterface({ input: process.stdin })) console.log(await answer(line))
  process.exit()
}

const roles: Record<string, () => Promise<unknown>> = {
  serve: async () => {
    console.log(await (await contender()).serve())
    await obey(() => {
      globalThis.gc?.()
      globalThis.gc?.()
    })
  },
  load: async () => {
    const [port = 0, pid = 0, seconds = 1, warmSeconds = 1] = numbers
    const made = await contender()
    const sample = await measure(scenario as keyof typeof loads, made, { port, pid }, {
      seconds,
      warmSeconds
    })
    console.log(JSON.stringify(sample))
    process.exit()
  },
  crowd: async () => {
    const [port = 0] = numbers
    const [made, { gather }] = await Promise.all([contender(), import("./Crowd.js")])
    await obey((line) => gather(made, port, Number(line)))
  },
  discover: async () => (await import("./Peers.js")).discover(name),
  simulate: async () => {
    const [seconds = 1] = numbers
    console.log(JSON.stringify(await (await import("./Simulator.js")).measure(name, seconds)))
    process.exit()
  },
  meet: async () => {
    const { meet } = await import("./Meeting.js")
    console.log(JSON.stringify(await meet(process.argv.slice(3))))
    process.exit()
  }
}

await (roles[role] ?? (() => Promise.reject(new Error(`no role ${role}`))))()
