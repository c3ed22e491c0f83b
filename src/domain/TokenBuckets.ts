/**
 * A token bucket for each key of a table that cannot grow without end.
 *
 * @since 0.1.0
 */
import { TokenBucket } from "./TokenBucket.js"

/** @since 0.1.0 */
export interface Options {
  /** Tokens a second, for each key. */
  readonly perSecond: number
  /** Tokens in a full bucket. */
  readonly burst: number
  /** How many keys are remembered at most. */
  readonly tracked: number
}

/** Buckets that are full at first. No call costs more than O(1) steps. @since 0.1.0 */
export class TokenBuckets {
  readonly #options: Options
  /** Two generations: the older one is forgotten whole, so that no order has to be kept. */
  #recent = new Map<string, TokenBucket>()
  #older = new Map<string, TokenBucket>()

  constructor(options: Options) {
    this.#options = options
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#recent.size + this.#older.size
  }

  /** Takes one from the bucket of a key, at a time of a monotonic clock; false if there is none. */
  take(key: string, nowMillis: number): boolean {
    return this.#bucketOf(key).take(nowMillis)
  }

  #bucketOf(key: string): TokenBucket {
    const known = this.#recent.get(key)
    if (known !== undefined) return known
    const bucket = this.#older.get(key) ?? new TokenBucket(this.#options.perSecond, this.#options.burst)
    if (this.#recent.size >= this.#options.tracked / 2) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, bucket)
    return bucket
  }
}
