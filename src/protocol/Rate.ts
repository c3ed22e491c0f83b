/**
 * How many times something happened within the last second.
 *
 * @since 0.1.0
 */

/**
 * Remembers the last `limit` times, so that a second that begins anywhere counts.
 *
 * @since 0.1.0
 */
export class Rate {
  readonly #limit: number
  readonly #times: Array<number> = []
  #oldest = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts one more at a time of a monotonic clock; true if more than `limit` came within a second. */
  exceededAt(nowMillis: number): boolean {
    if (this.#times.length < this.#limit) {
      this.#times.push(nowMillis)
      return false
    }
    const oldest = this.#times[this.#oldest]
    if (oldest === undefined || nowMillis - oldest < 1_000) return true
    this.#times[this.#oldest] = nowMillis
    this.#oldest = (this.#oldest + 1) % this.#limit
    return false
  }
}
