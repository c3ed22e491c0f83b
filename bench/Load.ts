/** What is asked of a session between two processes, and how it is measured at the client's end. */
import { readFileSync } from "node:fs"
import { type Contender, type Dial, message } from "./Contender.js"

/** One measurement. */
export interface Sample {
  /** In the unit of the scenario. */
  readonly value: number
  /** CPU time of both ends for one operation, in microseconds; null where it was not measured. */
  readonly cpuMicros: number | null
  /** How long the half and 99 of 100 operations took at most, in microseconds, where each was timed. */
  readonly percentiles?: { readonly p50: number; readonly p99: number }
}

/** How long a measurement may take. */
export interface Times {
  readonly warmSeconds: number
  readonly seconds: number
}

/** Does so many operations; may give the time that each took, in microseconds. */
type Batch = (count: number) => Promise<ReadonlyArray<number> | void>

interface Load {
  readonly begin: (contender: Contender, port: number) => Promise<Batch>
  readonly atLeast: number
  /** How many times as long as others it takes to warm up: few operations a second run much code each. */
  readonly warmUps: number
  /** The value, from the operations a second and the median of their times. */
  readonly value: (rate: number, p50: number) => number
}

const flood = (size: number) => async (contender: Contender, port: number): Promise<Batch> => {
  const client = await contender.connect(port)
  const bytes = message("counted", size)
  return async (count) => {
    const came = await client.flood(bytes, count)
    if (came.messages !== count || came.bytes !== count * size) {
      throw new Error(
        `${count} messages of ${size} bytes were sent; ${came.messages} with ${came.bytes} bytes came`
      )
    }
  }
}

const handshakes = (atOnce: number) => async (contender: Contender, port: number): Promise<Batch> => {
  const dials: Array<Dial> = []
  while (dials.length < atOnce) dials.push(await contender.dialler())
  return async (count) => {
    const times: Array<number> = []
    let begun = 0
    await Promise.all(dials.map(async (dial) => {
      while (begun++ < count) {
        const began = performance.now()
        const close = await dial(port)
        times.push(1_000 * (performance.now() - began))
        await close()
      }
    }))
    return times
  }
}

const roundTrips = async (contender: Contender, port: number): Promise<Batch> => {
  const client = await contender.connect(port)
  const bytes = message("returned", 64)
  return (count) => client.roundTrips(bytes, count)
}

const bulkBytes = 65_536

/** By the name of the scenario. */
export const loads = {
  "handshakes": { begin: handshakes(1), atLeast: 1, warmUps: 3, value: (rate) => rate },
  "handshakes-64": { begin: handshakes(64), atLeast: 64, warmUps: 3, value: (rate) => rate },
  "round-trip": { begin: roundTrips, atLeast: 10, warmUps: 1, value: (_, p50) => p50 },
  "one-way": { begin: flood(100), atLeast: 1_000, warmUps: 1, value: (rate) => rate },
  "bulk": { begin: flood(bulkBytes), atLeast: 16, warmUps: 1, value: (rate) => rate * bulkBytes / 1e6 }
} satisfies Record<string, Load>

/** Loads a contender's server until the time is over. */
export const measure = async (
  name: keyof typeof loads,
  contender: Contender,
  server: { readonly port: number; readonly pid: number },
  { seconds, warmSeconds }: Times
): Promise<Sample> => {
  const load: Load = loads[name]
  const batch = await load.begin(contender, server.port)
  const count = await warmUp(batch, load.atLeast, load.warmUps * warmSeconds)
  const times: Array<number> = []
  const cpu = cpuOf(server.pid) + ownCpu()
  const began = performance.now()
  let operations = 0
  let elapsed = 0
  while (elapsed < seconds) {
    for (const time of await batch(count) ?? []) times.push(time)
    operations += count
    elapsed = (performance.now() - began) / 1_000
  }
  const used = cpuOf(server.pid) + ownCpu() - cpu
  times.sort((a, b) => a - b)
  const part = (share: number) => times[Math.floor(share * times.length)] ?? Number.NaN
  const percentiles = { p50: part(0.5), p99: part(0.99) }
  return {
    value: load.value(operations / elapsed, percentiles.p50),
    cpuMicros: Number.isNaN(used) ? null : used / operations,
    ...(times.length === 0 ? {} : { percentiles })
  }
}

/** Finds out how many operations take a tenth of a second, once the code is warm. */
const warmUp = async (batch: Batch, atLeast: number, seconds: number): Promise<number> => {
  const began = performance.now()
  let count = atLeast
  while (true) {
    const before = performance.now()
    await batch(count)
    const now = performance.now()
    if (now - before < 100) count *= 2
    else if (now - began >= 1_000 * seconds) return count
  }
}

const ownCpu = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** CPU time that a process has used so far, in microseconds; NaN where the system does not tell. */
export const cpuOf = (pid: number): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
    // A tick has 10 ms on every Linux that Node runs on.
    return 10_000 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return Number.NaN
  }
}
