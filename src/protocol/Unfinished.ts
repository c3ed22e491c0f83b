/**
 * A message whose parts are still coming.
 *
 * @since 0.1.0
 */

/** Gathers parts in memory that grows with what has come: what lies in `bytes` from `start` to `end`. @since 0.1.0 */
export class Unfinished {
  readonly topic: string
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  constructor(topic: string) {
    this.topic = topic
  }

  /**
   * Takes the bytes from `from` on, which must not be changed afterwards, and whether `more` are to come. False if the
   * message would be longer than `limit`.
   */
  add(part: Uint8Array, from: number, more: boolean, limit: number): boolean {
    const before = this.end - this.start
    const length = before + part.length - from
    if (length > limit) return false
    if (before === 0) {
      this.bytes = part
      this.start = from
      this.end = part.length
      return true
    }
    if (this.start + length > this.bytes.length) this.#grow(more ? Math.min(limit, 2 * length) : length)
    this.bytes.set(from === 0 ? part : part.subarray(from), this.end)
    this.end = this.start + length
    return true
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(length)
    grown.set(this.bytes.subarray(this.start, this.end))
    this.bytes = grown
    this.end -= this.start
    this.start = 0
  }
}
