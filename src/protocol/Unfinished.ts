/**
 * A message whose parts are still coming.
 *
 * @since 0.1.0
 */

/**
 * Gathers the parts of a message. Long ones stay where they are, for whoever wants the message in one piece can join
 * them once; short ones are copied together, for each holds more memory than it has bytes.
 *
 * @since 0.1.0
 */
export class Unfinished {
  readonly topic: string
  /** What has come, in order, once the last part was added. */
  readonly parts: Array<Uint8Array> = []
  #length = 0
  /** Short parts behind the long ones, and how much of that memory is filled. */
  #short: Uint8Array = nothing
  #filled = 0

  constructor(topic: string) {
    this.topic = topic
  }

  /**
   * Takes the bytes from `from` on, which must not be changed afterwards, and whether `more` are to come. False if the
   * message would be longer than `limit`.
   */
  add(part: Uint8Array, from: number, more: boolean, limit: number): boolean {
    const bytes = from === 0 ? part : part.subarray(from)
    this.#length += bytes.length
    if (this.#length > limit) return false
    if (more && bytes.length < longBytes) {
      this.#gather(bytes)
      return true
    }
    this.#close()
    this.parts.push(bytes)
    return true
  }

  #gather(bytes: Uint8Array): void {
    const end = this.#filled + bytes.length
    if (end > this.#short.length) {
      const grown = Buffer.allocUnsafe(2 * end)
      grown.set(this.#short.subarray(0, this.#filled))
      this.#short = grown
    }
    this.#short.set(bytes, this.#filled)
    this.#filled = end
    if (end >= longBytes) this.#close()
  }

  /** What comes next goes into memory of its own. */
  #close(): void {
    if (this.#filled === 0) return
    this.parts.push(this.#short.subarray(0, this.#filled))
    this.#short = nothing
    this.#filled = 0
  }
}

/** Bytes from which on a part is left where it is. */
const longBytes = 4_096

const nothing = new Uint8Array(0)
