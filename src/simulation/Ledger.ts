/**
 * What one life of a node has told, added up, and the laws that it has to keep by itself.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type { Counters } from "../domain/Counters.js"
import type { Limits } from "../domain/Limits.js"
import type { NodeEvent } from "../domain/NodeEvent.js"
import * as PeerState from "../domain/PeerState.js"
import { classOf } from "../domain/Reason.js"
import type { Peer } from "../services/Node.js"

type StateEvent = Extract<NodeEvent, { readonly ev: "peer.state" }>

/** A connection that is not Closed. @since 0.1.0 */
export interface Open {
  readonly conn: number
  readonly direction: StateEvent["direction"]
  readonly endpoint: string
  readonly state: PeerState.PeerState
  readonly peer: string | undefined
  readonly session: string | undefined
}

/** What a broken law says of itself; nothing while it is kept. @since 0.1.0 */
export type Broken = { readonly law: string; readonly text: string } | undefined

/** Whom a node lets in, by its settings; keys in hexadecimal. @since 0.1.0 */
export interface Admission {
  readonly allowed: Option.Option<ReadonlySet<string>>
  readonly denied: ReadonlySet<string>
}

/** Whether a node may have a session with a peer. @since 0.1.0 */
export const admits = ({ allowed, denied }: Admission, peer: string): boolean =>
  !denied.has(peer) && Option.match(allowed, { onNone: () => true, onSome: (keys) => keys.has(peer) })

/** @since 0.1.0 */
export class Ledger {
  /** The connections that are not Closed, by number. */
  readonly open = new Map<number, Open>()
  /** The key of the node, once it listens. */
  key: string | undefined
  readonly #limits: Limits
  readonly #admission: Admission
  readonly #blocked = new Map<string, { readonly untilMillis: number }>()
  /** When the last session with a peer ended; milliseconds of the world. */
  readonly #lost = new Map<string, number>()
  #halfOpen = 0
  #lastConn = 0
  #attempts = 0
  #connected = 0
  #failed = 0
  #abandoned = 0
  #completed = 0
  #deduplicated = 0
  #skipped = 0

  constructor(settings: Admission & { readonly limits: Limits }) {
    this.#limits = settings.limits
    this.#admission = settings
  }

  /** Takes the next event, at a time of the world. */
  take(event: NodeEvent, atMillis: number): Broken {
    switch (event.ev) {
      case "listening":
        this.key = event.key
        return undefined
      case "dial.verdict":
        return this.#verdict(event, atMillis)
      case "dial.failed": {
        const { least, most } = this.#backOff(event.failures)
        if (event.retryInMillis < least || event.retryInMillis > most) {
          return broken(
            "back-off",
            `after ${event.failures} failures, ${event.endpoint} is left alone for ${event.retryInMillis} ms`
          )
        }
        this.#blocked.set(event.endpoint, { untilMillis: atMillis + event.retryInMillis })
        return undefined
      }
      case "peer.state":
        return this.#state(event, atMillis)
      default:
        return undefined
    }
  }

  /** Whether the peers that a node shows are those it has a session with, one with each; asked when all rest. */
  shown(peers: ReadonlyArray<Peer>): Broken {
    const live = new Map<string, number>()
    for (const { conn, peer, state } of this.open.values()) {
      if (peer === undefined || !PeerState.isLive(state)) continue
      const other = live.get(peer)
      if (other !== undefined) {
        return broken("one session", `connections ${other} and ${conn} are both sessions with ${short(peer)}`)
      }
      live.set(peer, conn)
    }
    const ids = peers.filter(({ state }) => PeerState.isLive(state)).map(({ id }) => id)
    return new Set(ids).size === ids.length && ids.length === live.size && ids.every((id) => live.has(id))
      ? undefined
      : broken("peers", `${live.size} sessions are in force, but ${ids.length} peers are shown with one`)
  }

  /** Whether the counters are what the events add up to; asked when all rest, at a time of the world. */
  counted(counters: Counters, atMillis: number): Broken {
    let live = 0
    let dialling = 0
    for (const { direction, state } of this.open.values()) {
      if (PeerState.isLive(state)) live++
      else if (direction === "outbound") dialling++
    }
    return this.#total(counters, live, atMillis) ?? this.#counters(counters, live, dialling)
  }

  /** The session with a peer that is in force, if there is one. */
  sessionWith(peer: string): Open | undefined {
    for (const open of this.open.values()) {
      if (open.peer === peer && PeerState.isLive(open.state)) return open
    }
    return undefined
  }

  /** A node looks now and then only which peers were lost long enough to be forgotten, and later if it was frozen. */
  #total({ peers_total: total }: Counters, live: number, atMillis: number): Broken {
    const { lostPeerMillis, lostPeers } = this.#limits
    let least = live
    let most = live
    for (const [peer, lostAt] of this.#lost) {
      // A node counts in whole milliseconds.
      if (atMillis - lostAt < lostPeerMillis - 1) least++
      if (atMillis - lostAt < forgotten * lostPeerMillis) most++
      else this.#lost.delete(peer)
    }
    return total > most || total < Math.min(least, live + lostPeers)
      ? broken("counters", `peers_total is ${total}, but the events make ${least} to ${most}`)
      : undefined
  }

  /** Which of its kinds a dial was of does not show. */
  #backOff(failures: number): { readonly least: number; readonly most: number } {
    const { automaticBackoffCapMillis, automaticBackoffMillis, backoffJitter } = this.#limits
    const { manualBackoffCapMillis, manualBackoffMillis } = this.#limits
    return {
      least: Math.min(
        automaticBackoffCapMillis,
        manualBackoffCapMillis,
        Math.min(automaticBackoffMillis, manualBackoffMillis) * 2 ** (failures - 1)
      ),
      most: Math.ceil(Math.max(automaticBackoffCapMillis, manualBackoffCapMillis) * (1 + backoffJitter))
    }
  }

  #counters(counters: Counters, live: number, dialling: number): Broken {
    const expected = {
      peers_connected: live,
      connect_attempts: this.#attempts,
      connect_failures: this.#failed,
      backoff_skips: this.#skipped,
      handshakes_completed: this.#completed
    } as const
    for (const [name, value] of Object.entries(expected)) {
      const counted = counters[name as keyof typeof expected]
      if (counted !== value) return broken("counters", `${name} is ${counted}, but the events make ${value}`)
    }
    if (counters.connect_deduped < this.#deduplicated) {
      return broken("counters", `connect_deduped is ${counters.connect_deduped}, below ${this.#deduplicated}`)
    }
    if (counters.handshakes_started < counters.handshakes_completed) {
      return broken("counters", "more handshakes were completed than started")
    }
    if (this.#attempts !== this.#connected + this.#failed + this.#abandoned + dialling) {
      return broken(
        "counters",
        `${this.#attempts} dials began, but ${
          this.#connected + this.#failed + this.#abandoned
        } ended and ${dialling} are under way`
      )
    }
    if (counters.tracked_endpoints > this.#limits.endpoints) {
      return broken("caps", `${counters.tracked_endpoints} endpoints are tracked`)
    }
    return live > this.#limits.peers ? broken("caps", `${live} peers have a session`) : undefined
  }

  #verdict(event: Extract<NodeEvent, { readonly ev: "dial.verdict" }>, atMillis: number): Broken {
    const { endpoint, source, verdict } = event
    if (verdict === "deduplicated") this.#deduplicated++
    if (verdict === "deduplicated" && source !== "automatic") {
      return broken("dedupe", `a ${source} dial to ${endpoint} was deduplicated`)
    }
    if (verdict === "backing off" && source !== "timed") this.#skipped++
    if (verdict !== "dial") return undefined
    const blocked = this.#blocked.get(endpoint)
    this.#blocked.delete(endpoint)
    // The guard counts in whole milliseconds, the world in parts of them.
    return blocked !== undefined && atMillis + 2 < blocked.untilMillis
      ? broken(
        "back-off",
        `${endpoint} is dialled ${blocked.untilMillis - atMillis} ms before its back-off is over`
      )
      : undefined
  }

  #state(event: StateEvent, atMillis: number): Broken {
    const { conn, direction, endpoint, from, peer, reason, session, to } = event
    const before = this.open.get(conn)
    if ((before?.state ?? "Disconnected") !== from || !PeerState.isLegal(from, to)) {
      return broken(
        "legal states",
        `connection ${conn} was ${before?.state ?? "new"} and went from ${from} to ${to}`
      )
    }
    if (before === undefined && conn <= this.#lastConn) {
      return broken("legal states", `connection ${conn} began again`)
    }
    this.#lastConn = Math.max(this.#lastConn, conn)
    if (to === "Closed") this.open.delete(conn)
    else {
      this.open.set(conn, {
        conn,
        direction,
        endpoint,
        state: to,
        peer: peer ?? before?.peer,
        session: session ?? before?.session
      })
    }
    this.#count(event)
    if (peer !== undefined) {
      if (PeerState.isLive(to)) this.#lost.delete(peer)
      else if (PeerState.isLive(from) && this.sessionWith(peer) === undefined) this.#lost.set(peer, atMillis)
    }
    if (PeerState.isLive(to) && peer !== undefined && !admits(this.#admission, peer)) {
      return broken("refused", `${short(peer)} is not let in, and got a session`)
    }
    if (to === "Connecting" && this.#dials(endpoint) > 1) {
      return broken("dedupe", `two dials to ${endpoint} are in flight`)
    }
    if (direction === "inbound" && to === "Handshaking") this.#halfOpen++
    if (direction === "inbound" && from === "Handshaking") this.#halfOpen--
    // One that has just been told to make room may still be on its way out.
    if (this.#halfOpen > 2 * this.#limits.halfOpen) {
      return broken("caps", `${this.#halfOpen} inbound connections shake hands`)
    }
    return reason === "Internal" ? broken("no defect", `connection ${conn} ended by a defect`) : undefined
  }

  #count({ direction, from, reason, to }: StateEvent): void {
    if (to === "Connecting") this.#attempts++
    if (to === "Connected" && from === "Handshaking") this.#completed++
    if (direction !== "outbound") return
    if (to === "Connected" && from === "Handshaking") this.#connected++
    if (to !== "Closed" || PeerState.isLive(from)) return
    if (classOf(reason) === "none") this.#abandoned++
    else this.#failed++
  }

  #dials(endpoint: string): number {
    let dials = 0
    for (const open of this.open.values()) {
      if (open.direction === "outbound" && open.endpoint === endpoint && !PeerState.isLive(open.state)) {
        dials++
      }
    }
    return dials
  }
}

/** How many times as long as it should a peer that was lost may be counted: nodes freeze. */
const forgotten = 3

/** @since 0.1.0 */
export const broken = (law: string, text: string): NonNullable<Broken> => ({ law, text })

/** The first digits of a key. @since 0.1.0 */
export const short = (key: string): string => key.slice(0, 8)
