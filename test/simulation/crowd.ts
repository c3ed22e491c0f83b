/** One node that many others dial and stay with. */
import { setImmediate } from "node:timers/promises"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import * as PeerState from "../../src/domain/PeerState.js"
import * as Simulation from "../../src/simulation/Simulation.js"

export interface Held {
  readonly violation: Simulation.Simulation["violation"]
  /** Sessions of that one node that became Connected, in all. */
  readonly connected: number
  /** Those that were in doubt, or ended, at either end. */
  readonly failed: number
  /** How many of its Pings it sent in its own rounds, as a share of all; the others went along with its Pongs. */
  readonly inRounds: number
  /** The greatest memory of this process, in MiB, looked at once a minute of the world. */
  readonly memoryMiB: number
}

/** A world without faults in which so many peers stay with one node for some minutes. */
export const hold = async (peers: number, minutes: number): Promise<Held> => {
  const one = Endpoint.make("10.0.0.1", 9_001)
  let connected = 0
  let failed = 0
  /** How many of its Pings left at a time of the world. */
  const asked = new Map<number, number>()
  const simulation = new Simulation.Simulation({
    ...Simulation.defaults,
    variety: false,
    chatter: false,
    seed: 3,
    nodes: peers + 1,
    forMillis: minutes * minuteMillis,
    discovery: undefined,
    node: { connect: [one], limits: { ...Limits.defaults, peers: peers + Limits.defaults.peersReserved } }
  }, {
    happening: ({ atMicros, event, node }) => {
      if (event.ev === "peer.state") {
        if (node === "n1" && event.to === "Connected") connected++
        if (PeerState.isLive(event.from)) failed++
      }
      if (node !== "n1" || event.ev !== "peer.rtt") return
      const at = Math.round(atMicros / 1_000 - event.rttMillis)
      asked.set(at, (asked.get(at) ?? 0) + 1)
    }
  })
  let memoryMiB = 0
  for (let minute = 1; minute <= minutes; minute++) {
    simulation.run(minute * minuteMillis)
    memoryMiB = Math.max(memoryMiB, process.memoryUsage.rss() / 2 ** 20)
    // Vitest has something to say between two of them.
    await setImmediate()
  }
  const { violation } = simulation
  simulation.close()
  const [[busiest] = [0]] = [...asked].sort(([, a], [, b]) => b - a)
  let inRounds = 0
  let all = 0
  for (const [at, count] of asked) {
    all += count
    if ((at - busiest) % roundMillis === 0) inRounds += count
  }
  return { violation, connected, failed, inRounds: inRounds / all, memoryMiB }
}

const minuteMillis = 60_000
const roundMillis = 500
