/**
 * One timer for all peers: Pings that are due, silence that has lasted too long, queues that do not move, peers lost
 * long enough to be forgotten.
 */
import * as Effect from "effect/Effect"
import * as Liveness from "../domain/Liveness.js"
import * as PeerState from "../domain/PeerState.js"
import { type Core, gauge, move, now, sleep } from "./core.js"
import { close, died, type Link } from "./link.js"
import { nonceBytes } from "./nonces.js"

/** How many times in a Ping interval the timer looks round. */
const roundsPerPing = 10

/** For how many Pings of each connection random bytes are drawn at a time; none needs more than one a round. */
const noncesPerDraw = 4

/** Runs for as long as the node does. */
export const heartbeat = (core: Core): Effect.Effect<never> =>
  Effect.gen(function*() {
    const { limits, links, lost, table } = core
    let lastRound = now(core)
    let floor = Number.NEGATIVE_INFINITY
    const pause = sleep(core, Math.ceil(limits.pingMillis / roundsPerPing))
    while (true) {
      yield* pause
      const at = now(core)
      floor = Liveness.floor(floor, lastRound, at, limits)
      lastRound = at
      if (core.nonces.left < links.size) {
        core.nonces.fill(core.entropy.bytes(nonceBytes * noncesPerDraw * links.size))
      }
      for (const link of links.values()) look(core, link, floor, at)
      gauge(core)
      const remembered = table.lost(at)
      for (const id of lost.keys()) if (!remembered.has(id)) lost.delete(id)
    }
  })

/** Judges one connection, which mostly needs nothing; a defect ends this one alone. */
const look = (core: Core, link: Link, floor: number, at: number): void => {
  const { exchange, lastHeardMillis: heardMillis, proven, state } = link
  if (exchange === undefined || proven === undefined || !PeerState.isLive(state) || link.over) return
  try {
    const waiting = exchange.outbox.oldestMillis
    const { sendQueueMillis, staleMillis } = core.limits
    // The floor leaves one interval of the time for silence; this one leaves the same of its own time.
    const queueFloor = floor + staleMillis - sendQueueMillis
    if (waiting !== undefined && at - Math.max(waiting, queueFloor) > sendQueueMillis) {
      return link.end(close("SlowPeer"))
    }
    const verdict = Liveness.assess({ state, heardMillis }, floor, at, core.limits)
    if (verdict === "Close") return link.end(close("Stale"))
    if (verdict !== state) {
      move(core, link, verdict, verdict === "Stale" ? "Silence" : "Heard")
      core.table.moved(proven.peerId, link.conn, verdict, at)
    }
    const nonce = at < link.nextPingMillis ? undefined : core.nonces.take()
    if (nonce !== undefined) exchange.ping(nonce)
  } catch (defect) {
    link.end(died(defect))
  }
}
