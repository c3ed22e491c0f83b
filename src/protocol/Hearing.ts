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
    /** None if it cannot be dialled: it is our own, or speaks another major version. */
    readonly candidate: Candidate | undefined
  }

/** @since 0.1.0 */
export class Hearing {
  /** The interfaces that are listened on. */
  interfaces: ReadonlyArray<Interfaces.Interface> = []
  readonly #key: string
  readonly #network: string | undefined
  readonly #sightings: Sightings

  /** `key` and `network` are what our own beacons say. */
  constructor(key: string, network: string | undefined, limits: Limits) {
    this.#key = key
    this.#network = network
    this.#sightings = new Sightings(limits)
  }

  /** Judges a datagram from the address `host` at a time of a monotonic clock. What costs least is asked first. */
  hear(datagram: Uint8Array, host: string, nowMillis: number): Meaning {
    if (!Beacon.isLikely(datagram)) return ignored(datagram.length > Beacon.maxBytes ? "TooLong" : "NotJson")
    if (!this.#sightings.admitsOne(host, nowMillis)) return ignored("RateLimited")
    // Before the rate of all, which strangers from afar must not use up.
    if (!Interfaces.isOnLink(this.interfaces, host)) return ignored("OffLink")
    if (!this.#sightings.admitsAny(nowMillis)) return ignored("RateLimited")
    return Either.match(Beacon.decode(datagram), {
      onLeft: ignored,
      onRight: (beacon) => this.#judge(beacon, host, nowMillis)
    })
  }

  #judge(beacon: Beacon.Beacon, host: string, nowMillis: number): Meaning {
    const { key, network, nodeId, nonce, port } = beacon
    const own = key === this.#key
    if (!own && network !== this.#network) return ignored("OtherNetwork")
    const endpoint = Endpoint.make(host, port)
    const trusted = own || Interfaces.isOwn(this.interfaces, host)
    const verdict = this.#sightings.heard({ endpoint, key, nonce }, trusted, nowMillis)
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
        : { endpoint, nodeId, ...(key === undefined ? {} : { key }) }
    }
  }
}

const ignored = (why: Ignored): Meaning => ({ _tag: "Ignored", why })
