/**
 * The Hello keys a node remembers: its own, while they are in flight, and those of others, for a while.
 *
 * @since 0.1.0
 */
import type { Limits } from "../domain/Limits.js"
import type { Reason } from "../domain/Reason.js"
import * as Crypto from "./Crypto.js"
import type { HelloGate } from "./Handshake.js"

/**
 * Node-wide. An own key is kept with a tag that says which dial it belongs to. Every operation takes constant time.
 *
 * @since 0.1.0
 */
export class Ephemerals<Tag extends NonNullable<unknown>> {
  readonly #own = new Map<string, Tag>()
  readonly #seen = new Map<string, number>()
  readonly #limits: Pick<Limits, "seenHellos" | "seenHelloMillis">

  constructor(limits: Pick<Limits, "seenHellos" | "seenHelloMillis">) {
    this.#limits = limits
  }

  /** Own keys in flight. */
  get inFlight(): number {
    return this.#own.size
  }

  /** Keys of others that are remembered, at most `Limits.seenHellos`. */
  get remembered(): number {
    return this.#seen.size
  }

  /** Adds the key of a Hello of our own that is about to be sent. */
  add(ephemeral: Uint8Array, tag: Tag): void {
    this.#own.set(Crypto.hex(ephemeral), tag)
  }

  /** Takes it out again when its handshake is over. */
  remove(ephemeral: Uint8Array): void {
    this.#own.delete(Crypto.hex(ephemeral))
  }

  /**
   * What one inbound connection asks about its Hello. `isSelf` says whether the dial with that tag is the other
   * end of this very connection; if it is not, somebody sent our Hello back to us.
   */
  gate(isSelf: (tag: Tag) => boolean): HelloGate {
    return {
      check: (ephemeral, nowMillis) => this.#check(Crypto.hex(ephemeral), nowMillis, isSelf),
      remember: (ephemeral, nowMillis) => this.#remember(Crypto.hex(ephemeral), nowMillis)
    }
  }

  #check(key: string, nowMillis: number, isSelf: (tag: Tag) => boolean): Reason | undefined {
    const tag = this.#own.get(key)
    if (tag !== undefined) return isSelf(tag) ? "SelfConnection" : "Reflection"
    const seen = this.#seen.get(key)
    return seen !== undefined && nowMillis - seen < this.#limits.seenHelloMillis ? "ReplayedHello" : undefined
  }

  #remember(key: string, nowMillis: number): void {
    // Deleted first, so that the order of the map is the order of time.
    this.#seen.delete(key)
    for (const [oldest, seen] of this.#seen) {
      const fresh = nowMillis - seen < this.#limits.seenHelloMillis
      if (fresh && this.#seen.size < this.#limits.seenHellos) break
      this.#seen.delete(oldest)
    }
    this.#seen.set(key, nowMillis)
  }
}
