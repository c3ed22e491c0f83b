/**
 * What was heard on the local network, and how much of it is believed. Pure: time comes in as monotonic
 * milliseconds. Every table is bounded, and no call costs more than O(1) steps.
 *
 * @since 0.1.0
 */
import type { Endpoint } from "./Endpoint.js"
import type { Limits } from "./Limits.js"
import { RecentMap } from "./RecentMap.js"
import { TokenBucket } from "./TokenBucket.js"
import { TokenBuckets } from "./TokenBuckets.js"

/** A beacon as far as it matters here. @since 0.1.0 */
export interface Sighting {
  /** The source address of the datagram and the port that its body names. */
  readonly endpoint: Endpoint
  /** Digits of the node's key, if it names them. */
  readonly key: string | undefined
  /** What tells the beacon from the node's others. */
  readonly nonce: number
}

/**
 * - `newcomer`: a node heard for the first time, or again after a long silence
 * - `known`: a node that was there already
 * - `repeated`: the same beacon once more, as it comes in by another interface
 * - `crowded`: one endpoint too many of one address; nothing is remembered of it
 *
 * @since 0.1.0
 */
export type Verdict = "newcomer" | "known" | "repeated" | "crowded"

type Needed = Pick<
  Limits,
  | "addressesTracked"
  | "beaconsPerSecond"
  | "beaconsBurst"
  | "beaconsPerAddressPerSecond"
  | "beaconsPerAddressBurst"
  | "heardPerAddress"
  | "heardNodes"
  | "heardMillis"
>

interface Heard {
  nonce: number
  atMillis: number
}

/** @since 0.1.0 */
export class Sightings {
  readonly #limits: Needed
  readonly #rates: TokenBuckets
  readonly #rate: TokenBucket
  /** By key, or by endpoint where there is none. */
  readonly #nodes: RecentMap<Heard>
  /** The ports of each address and when they were heard. */
  readonly #ports: RecentMap<Map<number, number>>

  constructor(limits: Needed) {
    this.#limits = limits
    this.#rate = new TokenBucket(limits.beaconsPerSecond, limits.beaconsBurst)
    this.#rates = new TokenBuckets({
      perSecond: limits.beaconsPerAddressPerSecond,
      burst: limits.beaconsPerAddressBurst,
      tracked: limits.addressesTracked
    })
    this.#nodes = new RecentMap(limits.heardNodes)
    this.#ports = new RecentMap(limits.addressesTracked)
  }

  /** How many nodes are remembered. */
  get nodes(): number {
    return this.#nodes.size
  }

  /** How many addresses are remembered. */
  get addresses(): number {
    return this.#ports.size
  }

  /** Whether one more datagram of an address may be looked at now. */
  admitsOne(host: string, nowMillis: number): boolean {
    return this.#rates.take(host, nowMillis)
  }

  /** Whether one more of all that were admitted so may be read now. */
  admitsAny(nowMillis: number): boolean {
    return this.#rate.take(nowMillis)
  }

  /** Judges a beacon; `trusted` says that its source address cannot be forged and so has no limit of endpoints. */
  heard({ endpoint, key, nonce }: Sighting, trusted: boolean, nowMillis: number): Verdict {
    const id = key ?? endpoint.toString()
    const before = this.#nodes.get(id)
    if (before?.nonce === nonce) return "repeated"
    if (!trusted && !this.#holds(endpoint, nowMillis)) return "crowded"
    if (before === undefined) {
      this.#nodes.put(id, { nonce, atMillis: nowMillis })
      return "newcomer"
    }
    const wasSilent = this.#isOver(before.atMillis, nowMillis)
    before.nonce = nonce
    before.atMillis = nowMillis
    this.#nodes.put(id, before)
    return wasSilent ? "newcomer" : "known"
  }

  /** Whether there is a place for an endpoint among those of its address. */
  #holds({ host, port }: Endpoint, nowMillis: number): boolean {
    const ports = this.#ports.get(host) ?? new Map<number, number>()
    if (!ports.has(port) && ports.size >= this.#limits.heardPerAddress) {
      for (const [other, atMillis] of ports) if (this.#isOver(atMillis, nowMillis)) ports.delete(other)
      if (ports.size >= this.#limits.heardPerAddress) return false
    }
    ports.set(port, nowMillis)
    this.#ports.put(host, ports)
    return true
  }

  #isOver(atMillis: number, nowMillis: number): boolean {
    return nowMillis - atMillis >= this.#limits.heardMillis
  }
}
