/**
 * How many times something happened within the last second.
 *
 * @since 0.1.0
 */

/**
 * Remembers the times of the last second, `limit` at most, so that a second that begins anywhere counts. After a quiet
 * second it holds one time only.
 *
 * @since 0.1.0
 */
export class Rate {
  readonly #limit: number
  #newest = Number.NEGATIVE_INFINITY
  /** All times but the newest one, in a ring. */
  #times: Array<number> | undefined
  #oldest = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts one more at a time of a monotonic clock; true if more than `limit` came within a second. */
  exceededAt(nowMillis: number): boolean {
    if (this.#limit === 0) return true
    if (nowMillis - this.#newest >= 1_000) {
      this.#times = undefined
      this.#oldest = 0
    } else if (!this.#remember(nowMillis)) return true
    this.#newest = nowMillis
    return false
  }

  /** Puts the newest time to the others in exchange for one that is over; false if none is. */
  #remember(nowMillis: number): boolean {
    const times = this.#times ??= []
    if (times.length < this.#limit - 1) {
      times.push(this.#newest)
      return true
    }
    const oldest = times[this.#oldest]
    if (oldest === undefined || nowMillis - oldest < 1_000) return false
    times[this.#oldest] = this.#newest
    this.#oldest = (this.#oldest + 1) % times.length
    return true
  }
}
