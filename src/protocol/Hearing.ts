/**
 * What a datagram means to the node that hears it, pure: whose beacon it is, and whether it is worth a dial.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Candidate } from "../domain/Candidate.js"
import * as Endpoint from "../domain/Endpoint.js"
import * as Interfaces from "../domain/Interfaces.js"
import type { Limits } from "../domain/Limits.js"
import { Sightings } from "../domain/Sightings.js"
import * as Beacon from "./Beacon.js"

/**
 * - `TooLong`, `NotJson`, `Malformed`: no beacon
 * - `OffLink`: its source is none of the local network
 * - `RateLimited`: it came too soon after others and was not read
 * - `OtherNetwork`: a beacon of a private network that is not ours, or of the open one
 * - `Crowded`: one endpoint too many of its address
 *
 * @since 0.1.0
 */
export type Ignored = Beacon.Problem | "OffLink" | "RateLimited" | "OtherNetwork" | "Crowded"

/** @since 0.1.0 */
export type Meaning =
  | { readonly _tag: "Ignored"; readonly why: Ignored }
  /** A copy of a beacon that was heard by another interface. */
  | { readonly _tag: "Repeated"; readonly own: boolean }
  | {
    readonly _tag: "Heard"
    readonly beacon: Beacon.Beacon
    readonly endpoint: Endpoint.Endpoint
    readonly own: boolean
    /** Heard for the first time, or again after a long silence. */
    readonly newcomer: boolean
    /** None if it is not worth a dial: it is our own, speaks another major version, or has no place for us. */
    readonly candidate: Candidate | undefined
  }

/** What is known of an address from which datagrams come. */
interface Place {
  readonly onLink: boolean
  /** Whether it is one of this host, which nobody else can speak from. */
  readonly own: boolean
  /** The last endpoint of that address. */
  endpoint: Endpoint.Endpoint
}

/** @since 0.1.0 */
export class Hearing {
  #interfaces: ReadonlyArray<Interfaces.Interface> = []
  /** Forgotten whole when it is full: it only saves the trouble to work the same out again. */
  readonly #places = new Map<string, Place>()
  readonly #limits: Limits
  readonly #key: string
  readonly #network: string | undefined
  readonly #sightings: Sightings

  /** `key` and `network` are what our own beacons say. */
  constructor(key: string, network: string | undefined, limits: Limits) {
    this.#key = key
    this.#network = network
    this.#limits = limits
    this.#sightings = new Sightings(limits)
  }

  /** The interfaces that are listened on; the same list for as long as they are the same. */
  get interfaces(): ReadonlyArray<Interfaces.Interface> {
    return this.#interfaces
  }

  set interfaces(interfaces: ReadonlyArray<Interfaces.Interface>) {
    if (Interfaces.isSame(this.#interfaces, interfaces)) return
    this.#places.clear()
    this.#interfaces = interfaces
  }

  /** How many nodes are heard, ourselves included. */
  get nodes(): number {
    return this.#sightings.nodes
  }

  /** Judges a datagram from the address `host` at a time of a monotonic clock. What costs least is asked first. */
  hear(datagram: Uint8Array, host: string, nowMillis: number): Meaning {
    if (!Beacon.isLikely(datagram)) return ignored(datagram.length > Beacon.maxBytes ? "TooLong" : "NotJson")
    if (!this.#sightings.admitsOne(host, nowMillis)) return ignored("RateLimited")
    // Before the rate of all, which strangers from afar must not use up.
    const place = this.#places.get(host) ?? this.#place(host)
    if (!place.onLink) return ignored("OffLink")
    if (!this.#sightings.admitsAny(nowMillis)) return ignored("RateLimited")
    const decoded = Beacon.decode(datagram)
    return Either.isLeft(decoded) ? ignored(decoded.left) : this.#judge(decoded.right, place, nowMillis)
  }

  #place(host: string): Place {
    if (this.#places.size >= this.#limits.addressesTracked) this.#places.clear()
    const place = {
      onLink: Interfaces.isOnLink(this.#interfaces, host),
      own: Interfaces.isOwn(this.#interfaces, host),
      endpoint: Endpoint.make(host, 0)
    }
    this.#places.set(host, place)
    return place
  }

  #judge(beacon: Beacon.Beacon, place: Place, nowMillis: number): Meaning {
    const { key, network, nodeId, nonce, port } = beacon
    const own = key === this.#key
    if (!own && network !== this.#network) return ignored("OtherNetwork")
    if (place.endpoint.port !== port) place.endpoint = Endpoint.make(place.endpoint.host, port)
    const { endpoint } = place
    const verdict = this.#sightings.heard({ endpoint, key, nonce }, own || place.own, nowMillis)
    if (verdict === "crowded") return ignored("Crowded")
    if (verdict === "repeated") return { _tag: "Repeated", own }
    return {
      _tag: "Heard",
      beacon,
      endpoint,
      own,
      newcomer: !own && verdict === "newcomer",
      candidate: own || !Beacon.isDiallable(beacon)
        ? undefined
        : key === undefined
        ? { endpoint, nodeId }
        : { endpoint, nodeId, key }
    }
  }
}

const ignored = (why: Ignored): Meaning => ({ _tag: "Ignored", why })
