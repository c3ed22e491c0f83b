/**
 * The places at which the world may fail a program as a real system does once in a while.
 *
 * @since 0.1.0
 */
import type { Chance } from "./Chance.js"

/** @since 0.1.0 */
export const sites = [
  "accept: too many open files",
  "dial: no port is free",
  "dial: too many open files",
  "dial: no route",
  "dial: reset at once",
  "read: reset",
  "write: broken pipe",
  "write: slow",
  "end: never done",
  "interfaces: unreadable",
  "interfaces: one is down",
  "datagram: refused",
  "datagram: cut short",
  "datagram: heard again much later",
  "datagrams: socket broke",
  "registry: unreachable",
  "registry: busy",
  "registry: answer cut short",
  "registry: answer of nonsense",
  "registry: slow"
] as const

/** @since 0.1.0 */
export type Site = typeof sites[number]

/** @since 0.1.0 */
export class Mishaps {
  /** How often each site has struck. */
  readonly struck = new Map<Site, number>()
  /** The fraction of the cases in which a site strikes; 0 while all is well. */
  fraction = 0
  readonly #chance: Chance

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Whether the place at hand fails this time. */
  strike(site: Site): boolean {
    if (!this.#chance.hits(this.fraction)) return false
    this.struck.set(site, (this.struck.get(site) ?? 0) + 1)
    return true
  }
}
