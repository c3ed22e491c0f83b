/**
 * Which strangers are let in: how many connections may be half-open or established, and how fast new ones may come.
 * Pure: time comes in as monotonic milliseconds. No event costs more than O(1) steps.
 *
 * @since 0.1.0
 */
import { isLoopback } from "./Endpoint.js"
import type { Limits } from "./Limits.js"
import { TokenBucket } from "./TokenBucket.js"
import { TokenBuckets } from "./TokenBuckets.js"

/**
 * `evict` names the half-open connection that has to be dropped for the newcomer; it counts as closed already.
 *
 * @since 0.1.0
 */
export type Admitted =
  | { readonly admitted: true; readonly evict?: number }
  | { readonly admitted: false }

type Needed = Pick<
  Limits,
  | "halfOpen"
  | "halfOpenPerAddress"
  | "inboundPerAddress"
  | "connectionsPerSecond"
  | "connectionsBurst"
  | "helloAcksPerSecond"
  | "helloAcksBurst"
  | "addressesTracked"
>

/** The inbound connections of one address. */
interface Address {
  readonly key: string
  halfOpen: number
  established: number
  /** Those without a valid Hello, the oldest first. */
  readonly silent: Set<number>
}

interface Inbound {
  readonly address: Address | undefined
  established: boolean
}

const refused: Admitted = { admitted: false }

/** Loopback addresses are free of the limits for one address and of the rates. @since 0.1.0 */
export class Admission {
  readonly #limits: Needed
  readonly #addresses = new Map<string, Address>()
  readonly #inbound = new Map<number, Inbound>()
  readonly #silent = new Set<number>()
  /** Half-open with a valid Hello: when nobody is silent, the oldest of them makes room, for it went on no further. */
  readonly #greeted = new Set<number>()
  readonly #helloAcks: TokenBucket
  readonly #rates: TokenBuckets
  #halfOpen = 0

  constructor(limits: Needed) {
    this.#limits = limits
    this.#helloAcks = new TokenBucket(limits.helloAcksPerSecond, limits.helloAcksBurst)
    this.#rates = new TokenBuckets({
      perSecond: limits.connectionsPerSecond,
      burst: limits.connectionsBurst,
      tracked: limits.addressesTracked
    })
  }

  /** How many inbound connections are below Connected. */
  get halfOpen(): number {
    return this.#halfOpen
  }

  /** How many rates of addresses are remembered. */
  get tracked(): number {
    return this.#rates.size
  }

  /** How many addresses have a connection. */
  get addresses(): number {
    return this.#addresses.size
  }

  /** Judges a newcomer. One that is admitted holds a place: {@link opened} must follow. */
  admit(host: string, nowMillis: number): Admitted {
    const address = this.#addressOf(host)
    const crowded = address !== undefined && this.#isCrowded(address)
    const full = crowded || this.#halfOpen >= this.#limits.halfOpen
    const evict = full
      ? first(crowded ? address.silent : this.#silent.size > 0 ? this.#silent : this.#greeted)
      : undefined
    if (full && evict === undefined) return refused
    if (address !== undefined && !this.#rates.take(address.key, nowMillis)) return refused
    if (evict !== undefined) this.closed(evict)
    this.#halfOpen++
    if (address !== undefined) {
      address.halfOpen++
      this.#addresses.set(address.key, address)
    }
    return evict === undefined ? { admitted: true } : { admitted: true, evict }
  }

  /** The newcomer that was admitted from `host` goes by the number `id` from now on. */
  opened(id: number, host: string): void {
    const address = this.#addressOf(host)
    this.#inbound.set(id, { address, established: false })
    this.#silent.add(id)
    address?.silent.add(id)
  }

  /** A connection has sent a valid Hello: the silent ones make room for a newcomer before it. */
  helloValid(id: number): void {
    const inbound = this.#inbound.get(id)
    if (inbound === undefined || !this.#silent.delete(id)) return
    this.#greeted.add(id)
    inbound.address?.silent.delete(id)
  }

  /** A connection has become a session. */
  established(id: number): void {
    const inbound = this.#inbound.get(id)
    if (inbound === undefined || inbound.established) return
    this.#forget(id, inbound)
    inbound.established = true
    this.#halfOpen--
    if (inbound.address !== undefined) {
      inbound.address.halfOpen--
      inbound.address.established++
    }
  }

  /** A connection has ended. Nothing happens for one that is not known. */
  closed(id: number): void {
    const inbound = this.#inbound.get(id)
    if (inbound === undefined) return
    this.#forget(id, inbound)
    this.#inbound.delete(id)
    const { address, established } = inbound
    if (!established) this.#halfOpen--
    if (address === undefined) return
    if (established) address.established--
    else address.halfOpen--
    if (address.halfOpen + address.established === 0) this.#addresses.delete(address.key)
  }

  /** Whether a HelloAck may be sent to an address now. */
  helloAck(host: string, nowMillis: number): boolean {
    return isLoopback(host) || this.#helloAcks.take(nowMillis)
  }

  /** No newcomer takes its place any more. */
  #forget(id: number, { address }: Inbound): void {
    for (const ids of [this.#silent, this.#greeted, address?.silent]) ids?.delete(id)
  }

  #addressOf(host: string): Address | undefined {
    if (isLoopback(host)) return undefined
    const key = networkOf(host)
    return this.#addresses.get(key) ??
      { key, halfOpen: 0, established: 0, silent: new Set() }
  }

  /** Half-open connections count against the established too, for each of them may become one. */
  #isCrowded({ established, halfOpen }: Address): boolean {
    return halfOpen >= this.#limits.halfOpenPerAddress ||
      halfOpen + established >= this.#limits.inboundPerAddress
  }
}

/**
 * What counts as one address: an IPv4 address, or the first 56 bits of an IPv6 one, which a provider gives to one
 * household.
 *
 * @since 0.1.0
 */
export const networkOf = (host: string): string => {
  if (!host.includes(":")) return host
  const [address = ""] = host.split("%", 1)
  const [head = "", tail] = address.split("::", 2)
  const before = groupsOf(head)
  const after = groupsOf(tail ?? "")
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => 0)
  const [a = 0, b = 0, c = 0, d = 0] = [...before, ...zeros, ...after]
  return `${[a, b, c, d & 0xff00].map((group) => group.toString(16)).join(":")}::/56`
}

/** The groups of a part of an IPv6 address; an IPv4 address at its end makes two, whose value is never asked for. */
const groupsOf = (part: string): Array<number> =>
  part === ""
    ? []
    : part.split(":").flatMap((group) => group.includes(".") ? [0, 0] : [Number.parseInt(group, 16)])

const first = (ids: ReadonlySet<number>): number | undefined => {
  const [id] = ids
  return id
}
