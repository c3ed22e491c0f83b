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
import { guarded } from "./lifecycle.js"
import { close, type Ending, type Link } from "./link.js"

/** How many times in a Ping interval the timer looks round. */
const roundsPerPing = 10

/** Runs for as long as the node does. */
export const heartbeat = (core: Core): Effect.Effect<never> =>
  Effect.gen(function*() {
    const { limits, links, lost, table } = core
    let lastRound = now(core)
    let floor = Number.NEGATIVE_INFINITY
    while (true) {
      yield* Effect.sleep(Math.ceil(limits.pingMillis / roundsPerPing))
      const at = now(core)
      floor = Liveness.floor(floor, lastRound, at, limits)
      lastRound = at
      for (const link of links.values()) {
        const due = assess(core, link, floor, at)
        if (due === undefined) continue
        const ending = yield* guarded(link, beat(core, link, due, at))
        if (ending !== undefined) link.end(ending)
      }
      yield* gauge(core)
      const remembered = table.lost(at)
      for (const id of lost.keys()) if (!remembered.has(id)) lost.delete(id)
    }
  })

/** What one connection needs now: mostly nothing, which must cost little. */
const assess = ({ limits }: Core, link: Link, floor: number, at: number): Due | undefined => {
  const { lastHeardMillis: heardMillis, outbox, proven, state } = link
  if (!PeerState.isLive(state) || proven === undefined) return undefined
  const waiting = outbox.oldestMillis
  if (waiting !== undefined && at - Math.max(waiting, floor) > limits.sendQueueMillis) {
    return { verdict: "SlowPeer", proven }
  }
  const verdict = Liveness.assess({ state, heardMillis }, floor, at, limits)
  return verdict === state && at < link.nextPingMillis ? undefined : { verdict, proven }
}

interface Due {
  readonly verdict: ReturnType<typeof Liveness.assess> | "SlowPeer"
  readonly proven: NonNullable<Link["proven"]>
}

/** Does it; says how the connection ends, if it has to. */
const beat = (
  core: Core,
  link: Link,
  { proven, verdict }: Due,
  at: number
): Effect.Effect<Ending | undefined> =>
  Effect.suspend(() => {
    if (verdict === "SlowPeer") return Effect.succeed(close("SlowPeer"))
    if (verdict === "Close") return Effect.succeed(close("Stale"))
    if (verdict !== link.state) {
      move(core, link, verdict, verdict === "Stale" ? "Silence" : "Heard")
      core.table.moved(proven.peerId, link.conn, verdict, at)
    }
    if (at < link.nextPingMillis) return Effect.succeed(undefined)
    return Effect.as(Effect.zipRight(schedule(core, link, at), ping(core, link)), undefined)
  })

const schedule = (core: Core, link: Link, at: number): Effect.Effect<void> =>
  Effect.map(Random.next, (random) => {
    link.nextPingMillis = at + Liveness.nextPingMillis(random, core.limits)
  })
