/** What is asked of a session between two processes, and how it is measured at the client's end. */
import { readFileSync } from "node:fs"
import { type Client, type Contender, message } from "./Contender.js"

/** One measurement. */
export interface Sample {
  /** In the unit of the scenario. */
  readonly value: number
  /** CPU time of both ends for one operation, in microseconds; null where the system does not tell. */
  readonly cpuMicros: number | null
  readonly operations: number
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
  /** The value, from the operations a second and the times of each. */
  readonly value: (rate: number, times: ReadonlyArray<number>) => number
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

const handshakes = (atOnce: number) => (contender: Contender, port: number): Promise<Batch> =>
  Promise.resolve((count) => contender.handshakes(port, count, atOnce))

const roundTrips = async (contender: Contender, port: number): Promise<Batch> => {
  const client: Client = await contender.connect(port)
  const bytes = message("returned", 64)
  return (count) => client.roundTrips(bytes, count)
}

const bulkBytes = 65_536

/** By the name of the scenario. */
export const loads = {
  "handshakes": { begin: handshakes(1), atLeast: 1, value: (rate) => rate },
  "handshakes-64": { begin: handshakes(64), atLeast: 64, value: (rate) => rate },
  "round-trip": { begin: roundTrips, atLeast: 10, value: (_, times) => median(times) },
  "one-way": { begin: flood(100), atLeast: 1_000, value: (rate) => rate },
  "bulk": { begin: flood(bulkBytes), atLeast: 16, value: (rate) => rate * bulkBytes / 1e6 }
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
  const count = await warmUp(batch, load.atLeast, warmSeconds)
  const times: Array<number> = []
  const cpu = cpuOf(server.pid)
  const began = performance.now()
  let operations = 0
  let elapsed = 0
  while (elapsed < seconds) {
    for (const time of await batch(count) ?? []) times.push(time)
    operations += count
    elapsed = (performance.now() - began) / 1_000
  }
  const used = cpuOf(server.pid) - cpu
  return {
    value: load.value(operations / elapsed, times),
    cpuMicros: Number.isNaN(used) ? null : used / operations,
    operations
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

/** CPU time that this process and that one have used so far, in microseconds. */
const cpuOf = (pid: number): number => {
  const { system, user } = process.cpuUsage()
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
    // A tick has 10 ms on every Linux that Node runs on.
    return system + user + 10_000 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return Number.NaN
  }
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
