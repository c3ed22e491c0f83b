/**
 * One timer for all peers: Pings that are due, silence that has lasted too long, queues that do not move, peers lost
 * long enough to be forgotten.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Liveness from "../domain/Liveness.js"
import * as PeerState from "../domain/PeerState.js"
import { type Core, gauge, move, now } from "./core.js"
import { ping } from "./established.js"
import { close, type Link } from "./link.js"

/** How many times in a Ping interval the timer looks round. */
const roundsPerPing = 10

/** Runs for as long as the node does. */
export const heartbeat = (core: Core): Effect.Effect<never> =>
  Effect.gen(function*() {
    const { limits, links, lost, table } = core
    let lastRound = now(core)
    let floor = Number.NEGATIVE_INFINITY
    while (true) {
      yield* Effect.sleep(limits.pingMillis / roundsPerPing)
      const at = now(core)
      floor = Liveness.floor(floor, lastRound, at, limits)
      lastRound = at
      for (const link of links.values()) {
        if (!PeerState.isLive(link.state)) continue
        judge(core, link, floor, at)
        if (at < link.nextPingMillis) continue
        link.nextPingMillis = at + Liveness.nextPingMillis(yield* Random.next, limits)
        yield* ping(core, link)
      }
      yield* gauge(core)
      const remembered = table.lost(at)
      for (const id of lost.keys()) if (!remembered.has(id)) lost.delete(id)
    }
  })

const judge = (core: Core, link: Link, floor: number, at: number): void => {
  const { limits } = core
  const { lastHeardMillis: heardMillis, outbox, proven, state } = link
  if (!PeerState.isLive(state) || proven === undefined) return
  const waiting = outbox.oldestMillis
  if (waiting !== undefined && at - Math.max(waiting, floor) > limits.sendQueueMillis) return link.end(close("SlowPeer"))
  const verdict = Liveness.assess({ state, heardMillis }, floor, at, limits)
  if (verdict === "Close") return link.end(close("Stale"))
  if (verdict === state) return
  move(core, link, verdict, verdict === "Stale" ? "Silence" : "Heard")
  core.table.moved(proven.peerId, link.conn, verdict, at)
}
