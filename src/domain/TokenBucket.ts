/**
 * So many a second, and a burst of so many at once.
 *
 * @since 0.1.0
 */

/** A bucket that is full at first. @since 0.1.0 */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMillis: number | undefined

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes one, at a time of a monotonic clock; false if there is none. */
  take(nowMillis: number): boolean {
    const passed = nowMillis - (this.#atMillis ?? nowMillis)
    this.#tokens = Math.min(this.#burst, this.#tokens + this.#perSecond * passed / 1_000)
    this.#atMillis = nowMillis
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
