/**
 * The peers of one node: the session in force with each, those lost a moment ago, and what has to be remembered so
 * that two nodes end with one session. Pure: time and the number of each connection come in as arguments.
 *
 * @since 0.1.0
 */
import type { Limits } from "./Limits.js"
import type { Direction } from "./NodeEvent.js"
import type { NodeId } from "./NodeId.js"
import type { PeerId } from "./PeerId.js"
import * as SessionRule from "./SessionRule.js"

/** A session: in force once Connected or Stale; Handshaking while our HelloFinish waits for its answer. @since 0.1.0 */
export interface Session {
  readonly conn: number
  readonly peer: PeerId
  readonly nodeId: NodeId
  readonly instance: string
  readonly direction: Direction
  readonly connSeq: bigint
  readonly pinned: boolean
  readonly state: "Handshaking" | "Connected" | "Stale"
}

/** A peer whose session ended less than `Limits.lostPeerMillis` ago. @since 0.1.0 */
export interface Lost {
  readonly conn: number
  readonly atMillis: number
}

type Needed = Pick<
  Limits,
  "peers" | "peersReserved" | "lostPeers" | "lostPeerMillis" | "cloneSwaps" | "cloneMillis"
>

/** @since 0.1.0 */
export class PeerTable {
  readonly #limits: Needed
  readonly #sessions = new Map<PeerId, Session>()
  readonly #holders = new Map<NodeId, PeerId>()
  readonly #evictable = new Map<number, Session>()
  readonly #lost = new Map<PeerId, Lost>()
  readonly #accepted = new Map<PeerId, SessionRule.Accepted>()
  readonly #restarts = new Map<PeerId, ReadonlyArray<number>>()
  #connected = 0
  #inbound = 0
  #connSeq = 0n

  constructor(limits: Needed) {
    this.#limits = limits
  }

  /** The session in force with a peer, or our own dial to it that waits for its answer. */
  current(peer: PeerId): Session | undefined {
    return this.#sessions.get(peer)
  }

  /** The greatest number accepted from this instance of a peer, to be sent as seen_seq; 0 if none. */
  seenSeq(peer: PeerId, instance: string): bigint {
    return SessionRule.seenSeq(this.#accepted.get(peer), instance)
  }

  /** The number of our next dial that reaches its commit point. */
  nextConnSeq(): bigint {
    return ++this.#connSeq
  }

  /** The live peer that bears a node id. */
  readonly holderOf = (nodeId: NodeId): PeerId | undefined => this.#holders.get(nodeId)

  /**
   * Whether one more session has a place. Some places are kept for peers that we dial or that are pinned, at most
   * an eighth of all. `evict` names an inbound Stale session that has to make room.
   */
  room(
    peer: PeerId,
    direction: Direction,
    pinned: boolean
  ): { readonly room: boolean; readonly evict?: number } {
    if (this.#sessions.has(peer)) return { room: true }
    if (direction === "inbound" && !pinned ? this.#hasPlaceForStranger : !this.full) return { room: true }
    const [evict] = this.#evictable.keys()
    return evict === undefined ? { room: false } : { room: true, evict }
  }

  /** Whether every place is taken. */
  get full(): boolean {
    return this.#sessions.size >= this.#limits.peers
  }

  /** Whether a stranger who dials us would find a place: a free one, or one that a Stale session gives up. */
  get takesStrangers(): boolean {
    return this.#hasPlaceForStranger || this.#evictable.size > 0
  }

  /** A session ends to make room: it makes room for one newcomer only. */
  evict(conn: number): void {
    this.#evictable.delete(conn)
  }

  /** Decides over an inbound session by the one-session rule; {@link accept} carries it out. */
  decide(self: PeerId, peer: PeerId, candidate: SessionRule.Candidate): SessionRule.Decision {
    return SessionRule.decide(this.#sessions.get(peer), candidate, self, peer)
  }

  /** Decides over our own dial at its commit point; {@link commit} carries it out. */
  decideOwn(peer: PeerId, instance: string): SessionRule.Decision {
    return SessionRule.commit(this.#sessions.get(peer), instance)
  }

  /**
   * Notes that a peer came back as another process while its session stood. True once that has happened so often
   * that two hosts must share its key.
   */
  restarted(peer: PeerId, nowMillis: number): boolean {
    const { cloned, times } = SessionRule.restarted(this.#restarts.get(peer) ?? [], nowMillis, this.#limits)
    remember(this.#restarts, peer, times, this.#limits.lostPeers)
    return cloned
  }

  /** Puts an inbound session in force, Connected. */
  accept(session: Omit<Session, "direction" | "state">, nowMillis: number): void {
    const { instance, peer } = session
    const seq = SessionRule.acceptedSeq(this.#accepted.get(peer), session)
    remember(this.#accepted, peer, { instance, seq }, this.#limits.lostPeers + this.#limits.peers)
    this.#put(placed(session, "inbound", "Connected"), nowMillis)
  }

  /** Our own dial passed its commit point: from now on it is the session with this peer. */
  commit(session: Omit<Session, "direction" | "state">, nowMillis: number): void {
    this.#put(placed(session, "outbound", "Handshaking"), nowMillis)
  }

  /** A session changed to Connected or Stale. Nothing happens if it is not the one in force. */
  moved(peer: PeerId, conn: number, state: "Connected" | "Stale", nowMillis: number): void {
    const session = this.#sessions.get(peer)
    if (session?.conn === conn) this.#put(placed(session, session.direction, state), nowMillis)
  }

  /** A session ended. True if it was the one in force: the peer is now lost. */
  ended(peer: PeerId, conn: number, nowMillis: number): boolean {
    if (this.#sessions.get(peer)?.conn !== conn) return false
    this.#remove(peer, nowMillis)
    return true
  }

  /** The peers lost less than a minute ago. */
  lost(nowMillis: number): ReadonlyMap<PeerId, Lost> {
    for (const [peer, { atMillis }] of this.#lost) {
      if (nowMillis - atMillis < this.#limits.lostPeerMillis && this.#lost.size <= this.#limits.lostPeers) {
        break
      }
      this.#lost.delete(peer)
    }
    return this.#lost
  }

  /** How many peers are Connected or Stale. */
  get connected(): number {
    return this.#connected
  }

  /** The two peer gauges of the counters. */
  gauges(nowMillis: number): { readonly total: number; readonly connected: number } {
    return { total: this.#connected + this.lost(nowMillis).size, connected: this.#connected }
  }

  get #hasPlaceForStranger(): boolean {
    const { peers, peersReserved } = this.#limits
    return !this.full && this.#inbound < peers - Math.min(peersReserved, Math.floor(peers / 8))
  }

  #put(session: Session, nowMillis: number): void {
    this.#remove(session.peer, nowMillis)
    this.#sessions.set(session.peer, session)
    if (session.direction === "inbound" && !session.pinned) this.#inbound++
    if (session.state === "Handshaking") return
    this.#connected++
    this.#lost.delete(session.peer)
    this.#holders.set(session.nodeId, session.peer)
    if (session.state === "Stale" && session.direction === "inbound" && !session.pinned) {
      this.#evictable.set(session.conn, session)
    }
  }

  #remove(peer: PeerId, nowMillis: number): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    this.#sessions.delete(peer)
    this.#evictable.delete(session.conn)
    if (session.direction === "inbound" && !session.pinned) this.#inbound--
    if (session.state === "Handshaking") return
    this.#connected--
    if (this.#holders.get(session.nodeId) === peer) this.#holders.delete(session.nodeId)
    this.#lost.delete(peer)
    this.#lost.set(peer, { conn: session.conn, atMillis: nowMillis })
  }
}

/** Field by field: a handshake copies it three times, and a spread costs several times as much. */
const placed = (
  { conn, connSeq, instance, nodeId, peer, pinned }: Omit<Session, "direction" | "state">,
  direction: Direction,
  state: Session["state"]
): Session => ({ conn, peer, nodeId, instance, direction, connSeq, pinned, state })

/** Sets an entry as the most recent one and lets the least recent go beyond the cap. */
const remember = <K, V>(map: Map<K, V>, key: K, value: V, cap: number): void => {
  map.delete(key)
  map.set(key, value)
  if (map.size > cap) {
    const [oldest] = map.keys()
    if (oldest !== undefined) map.delete(oldest)
  }
}
