/**
 * The memory and the judgement behind every dial, pure: endpoints with their attempts, failures and sessions. Time
 * (monotonic milliseconds) and chance (at least 0, less than 1) come in as arguments; no event costs more than
 * O(log n) steps.
 *
 * @since 0.1.0
 */
import * as BackOff from "./BackOff.js"
import type { Endpoint } from "./Endpoint.js"
import type { Limits } from "./Limits.js"
import type { DialVerdict } from "./NodeEvent.js"
import type { PeerId } from "./PeerId.js"
import { RankedSet } from "./RankedSet.js"
import { classOf, type Reason } from "./Reason.js"

/** @since 0.1.0 */
export type Verdict = typeof DialVerdict.Type["verdict"]

/**
 * A verdict, and how long until the endpoint may be dialled where time stands against it, or until another try is of
 * use where every place is taken; else 0.
 *
 * @since 0.1.0
 */
export interface Judgement {
  readonly verdict: Verdict
  readonly retryInMillis: number
}

/** What the end of an attempt came to. @since 0.1.0 */
export interface Outcome {
  /** Whether a dial in flight has failed; false if it was abandoned or there was none. */
  readonly failure: boolean
  /** How long a timed redial has to wait. */
  readonly waitMillis: number
}

/** What is known of an endpoint. @since 0.1.0 */
export interface Explanation {
  readonly endpoint: Endpoint
  readonly last: { readonly verdict: Verdict; readonly source: BackOff.Source } | undefined
  readonly reason: Reason | undefined
  readonly failures: number
  readonly retryInMillis: number
  readonly wanted: boolean
  readonly inFlight: boolean
  readonly peer: PeerId | undefined
}

interface Entry {
  readonly endpoint: Endpoint
  readonly key: string
  last: Explanation["last"]
  /** Where the last dial came from. */
  source: BackOff.Source
  inFlight: boolean
  attemptedAt: number
  /** Since when a session stands that our dial became. */
  connectedAt: number | undefined
  failures: number
  blockedUntil: number
  self: boolean
  reason: Reason | undefined
  peer: PeerId | undefined
}

const prefixLength = 16

/** @since 0.1.0 */
export class Guard {
  readonly #limits: Limits
  readonly #entries = new Map<string, Entry>()
  /** The entries that may be forgotten, by when they were last in use; a back-off is use until it is over. */
  readonly #idle = new RankedSet<Entry>()
  readonly #wanted = new Map<string, number>()
  /** The peers with a session and where each says it can be dialled, and the same in the other direction. */
  readonly #open = new Map<string, string | undefined>()
  readonly #claimed = new Map<string, PeerId>()
  readonly #prefixes = new Map<string, number>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** How many endpoints are remembered. */
  get tracked(): number {
    return this.#entries.size
  }

  /** Judges a wish to dial; `peer` is the key, or its first 16 digits, that is expected there. */
  ask(endpoint: Endpoint, source: BackOff.Source, peer: string | undefined, nowMillis: number): Judgement {
    const key = endpoint.toString()
    const judgement = this.#judge(key, source, peer, nowMillis)
    const entry = this.#remember(endpoint, key)
    if (entry === undefined) {
      return judgement.verdict === "dial"
        ? { verdict: "limit", retryInMillis: this.#limits.redialMillis }
        : judgement
    }
    if (judgement.verdict === "dial") {
      entry.inFlight = true
      entry.attemptedAt = nowMillis
      entry.source = source
    }
    entry.last = { verdict: judgement.verdict, source }
    this.#used(entry, nowMillis)
    return judgement
  }

  /** The dial in flight ended before Connected; `peer` is who was met there, if that came out. */
  failed(
    endpoint: Endpoint,
    reason: Reason,
    peer: PeerId | undefined,
    nowMillis: number,
    random: number
  ): Outcome {
    const entry = this.#entries.get(endpoint.toString())
    const pause = random * this.#limits.redialMillis
    if (entry === undefined || !entry.inFlight) return { failure: false, waitMillis: pause }
    const failure = classOf(reason) !== "none"
    entry.inFlight = false
    entry.reason = reason
    entry.peer = peer ?? entry.peer
    if (reason === "SelfConnection") entry.self = true
    if (failure) this.#block(entry, reason, nowMillis, random)
    this.#used(entry, nowMillis)
    return { failure, waitMillis: Math.max(failure ? 0 : pause, entry.blockedUntil - nowMillis) }
  }

  /** The dial in flight became a session. */
  established(endpoint: Endpoint, peer: PeerId, nowMillis: number): void {
    const entry = this.#entries.get(endpoint.toString())
    if (entry === undefined || !entry.inFlight) return
    entry.inFlight = false
    entry.connectedAt = nowMillis
    entry.peer = peer
  }

  /** The session that a dial became has ended. Returns how many milliseconds a timed redial has to wait. */
  lost(endpoint: Endpoint, reason: Reason, nowMillis: number, random: number): number {
    const entry = this.#entries.get(endpoint.toString())
    const pause = random * this.#limits.redialMillis
    if (entry?.connectedAt === undefined) return pause
    const forgiven = this.#isForgiven(entry, nowMillis)
    entry.connectedAt = undefined
    entry.reason = reason
    if (forgiven) entry.failures = 0
    const kind = classOf(reason)
    if (kind === "permanent" || (kind === "failure" && !forgiven)) {
      this.#block(entry, reason, nowMillis, random)
    }
    this.#used(entry, nowMillis)
    return Math.max(pause, entry.blockedUntil - nowMillis)
  }

  /** A session with a peer is in force; `at` is where it says that it can be dialled. */
  peerOpened(peer: PeerId, at: Endpoint | undefined): void {
    this.peerClosed(peer)
    const key = at?.toString()
    const prefix = peer.slice(0, prefixLength)
    this.#open.set(peer, key)
    this.#prefixes.set(prefix, (this.#prefixes.get(prefix) ?? 0) + 1)
    if (key !== undefined) this.#claimed.set(key, peer)
  }

  /** No session with a peer is in force any more. */
  peerClosed(peer: PeerId): void {
    if (!this.#open.has(peer)) return
    const key = this.#open.get(peer)
    this.#open.delete(peer)
    countDown(this.#prefixes, peer.slice(0, prefixLength))
    if (key !== undefined && this.#claimed.get(key) === peer) this.#claimed.delete(key)
  }

  /** Keeps an endpoint in the table until the wish is taken back. */
  want(endpoint: Endpoint, nowMillis: number): void {
    const key = endpoint.toString()
    this.#wanted.set(key, (this.#wanted.get(key) ?? 0) + 1)
    const entry = this.#remember(endpoint, key)
    if (entry !== undefined) this.#used(entry, nowMillis)
  }

  /** Takes one wish for an endpoint back. */
  unwant(endpoint: Endpoint, nowMillis: number): void {
    const key = endpoint.toString()
    countDown(this.#wanted, key)
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#used(entry, nowMillis)
  }

  /** What is known of an endpoint. */
  explain(endpoint: Endpoint, nowMillis: number): Explanation | undefined {
    const entry = this.#entries.get(endpoint.toString())
    return entry && {
      endpoint: entry.endpoint,
      last: entry.last,
      reason: entry.reason,
      failures: this.#isForgiven(entry, nowMillis) ? 0 : entry.failures,
      retryInMillis: Math.max(0, entry.blockedUntil - nowMillis),
      wanted: this.#wanted.has(entry.key),
      inFlight: entry.inFlight,
      peer: entry.peer
    }
  }

  #judge(key: string, source: BackOff.Source, peer: string | undefined, nowMillis: number): Judgement {
    const entry = this.#entries.get(key)
    const automatic = source === "automatic"
    if (entry?.self === true) return { verdict: "self", retryInMillis: 0 }
    if (entry?.inFlight === true) {
      return { verdict: automatic ? "deduplicated" : "in flight", retryInMillis: 0 }
    }
    if (this.#isConnected(key, entry, peer, automatic)) {
      return { verdict: automatic ? "deduplicated" : "connected", retryInMillis: 0 }
    }
    if (entry === undefined) return { verdict: "dial", retryInMillis: 0 }
    const blocked = entry.blockedUntil - nowMillis
    const repeated = automatic ? entry.attemptedAt + this.#limits.dedupeMillis - nowMillis : 0
    if (repeated > 0) return { verdict: "deduplicated", retryInMillis: Math.max(repeated, blocked) }
    if (blocked > 0) return { verdict: "backing off", retryInMillis: blocked }
    return { verdict: "dial", retryInMillis: 0 }
  }

  #isConnected(
    key: string,
    entry: Entry | undefined,
    expected: string | undefined,
    automatic: boolean
  ): boolean {
    // Whom we met there ourselves counts before a peer that claims to be there.
    // A claim alone keeps nobody from dialling who has a reason of their own to.
    const peer = entry?.peer ?? (automatic ? this.#claimed.get(key) : undefined)
    return entry?.connectedAt !== undefined ||
      (peer !== undefined && this.#open.has(peer)) ||
      (expected !== undefined && (this.#open.has(expected as PeerId) || this.#prefixes.has(expected)))
  }

  #isForgiven(entry: Entry, nowMillis: number): boolean {
    return entry.connectedAt !== undefined && nowMillis - entry.connectedAt >= this.#limits.forgiveMillis
  }

  #block(entry: Entry, reason: Reason, nowMillis: number, random: number): void {
    entry.failures++
    entry.blockedUntil = nowMillis + (classOf(reason) === "permanent"
      ? BackOff.longestMillis(entry.source, random, this.#limits)
      : BackOff.delayMillis(entry.source, entry.failures, random, this.#limits))
  }

  /** The entry of an endpoint; a new one takes the place of the one out of use for longest. None if all are in use. */
  #remember(endpoint: Endpoint, key: string): Entry | undefined {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    if (this.#entries.size >= this.#limits.endpoints) {
      const forgotten = this.#idle.shift()
      if (forgotten === undefined) return undefined
      this.#entries.delete(forgotten.key)
    }
    const entry: Entry = {
      endpoint,
      key,
      last: undefined,
      source: "manual",
      inFlight: false,
      attemptedAt: Number.NEGATIVE_INFINITY,
      connectedAt: undefined,
      failures: 0,
      blockedUntil: Number.NEGATIVE_INFINITY,
      self: false,
      reason: undefined,
      peer: undefined
    }
    this.#entries.set(key, entry)
    return entry
  }

  #used(entry: Entry, nowMillis: number): void {
    if (entry.inFlight || entry.connectedAt !== undefined || this.#wanted.has(entry.key)) {
      this.#idle.delete(entry)
    } else {
      this.#idle.set(entry, Math.max(nowMillis, entry.blockedUntil))
    }
  }
}

const countDown = (counts: Map<string, number>, key: string): void => {
  const count = counts.get(key) ?? 0
  if (count > 1) counts.set(key, count - 1)
  else counts.delete(key)
}
