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
  /** The greatest memory of this process, in MiB, looked at once a minute of the world. */
  readonly memoryMiB: number
}

/** A world without faults in which so many peers stay with one node. */
export const hold = (peers: number, forMillis: number): Held => {
  const one = Endpoint.make("10.0.0.1", 9_001)
  let connected = 0
  let failed = 0
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
    happening: ({ event, node }) => {
      if (node !== "n1" || event.ev !== "peer.state") return
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
  return { violation, connected, failed, memoryMiB }
}
