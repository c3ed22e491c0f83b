/** One node that many others dial and stay with. */
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import * as PeerState from "../../src/domain/PeerState.js"
import * as Simulation from "../../src/simulation/Simulation.js"

export interface Held {
  readonly violation: Simulation.Simulation["violation"]
  /** Sessions of that one node that became Connected, in all. */
  readonly connected: number
  /** Those of them that were in doubt, or ended. */
  readonly failed: number
  /** How many of its Pings it sent in its own rounds, as a share of all; the others went along with its Pongs. */
  readonly inRounds: number
  /** The greatest memory of this process, in MiB, looked at once a minute of the world. */
  readonly memoryMiB: number
}

/** A world without faults in which so many peers stay with one node. */
export const hold = (peers: number, forMillis: number): Held => {
  const one = Endpoint.make("10.0.0.1", 9_001)
  let connected = 0
  let failed = 0
  const asked: Array<number> = []
  const simulation = new Simulation.Simulation({
    ...Simulation.defaults,
    variety: false,
    chatter: false,
    seed: 3,
    nodes: peers + 1,
    forMillis,
    discovery: undefined,
    node: { connect: [one], limits: { ...Limits.defaults, peers: peers + Limits.defaults.peersReserved } }
  }, {
    happening: ({ atMicros, event, node }) => {
      if (node !== "n1") return
      if (event.ev === "peer.rtt") asked.push((atMicros / 1_000 - event.rttMillis) % roundMillis)
      if (event.ev !== "peer.state") return
      if (event.to === "Connected") connected++
      else if (PeerState.isLive(event.from)) failed++
    }
  })
  let memoryMiB = 0
  for (let at = 60_000; at <= forMillis; at += 60_000) {
    simulation.run(at)
    memoryMiB = Math.max(memoryMiB, process.memoryUsage.rss() / 2 ** 20)
  }
  const { violation } = simulation
  simulation.close()
  const round = asked.sort((a, b) => a - b)[asked.length >> 1] ?? Number.NaN
  const inRounds = asked.filter((at) => Math.abs(at - round) < 1).length / asked.length
  return { violation, connected, failed, inRounds, memoryMiB }
}

const roundMillis = 500
