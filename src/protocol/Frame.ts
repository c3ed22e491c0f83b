/**
 * Length-prefixed frames out of a stream of bytes that is cut anywhere.
 *
 * @since 0.1.0
 */
import * as Varint from "./Varint.js"

const nothing = new Uint8Array(0)

/**
 * Takes chunks, gives frames. A frame that lies whole within a chunk is a view of it; one that is spread over
 * chunks is gathered in memory of its own, once its length is known to be permitted.
 *
 * @since 0.1.0
 */
export class FrameReader {
  #chunk: Uint8Array = nothing
  #at = 0
  #body: Uint8Array | undefined
  #filled = 0

  /** Takes a chunk, the caller's again once {@link next} gives no more, which must be before the next push. */
  push(chunk: Uint8Array): void {
    const left = this.#chunk.length - this.#at
    this.#chunk = left === 0 ? chunk : joined(this.#chunk.subarray(this.#at), chunk)
    this.#at = 0
  }

  /**
   * The next body, without its prefix, good for as long as the chunk is; nothing while bytes are missing;
   * `"FrameLength"` as soon as the prefix is known to be wrong or to name a length outside `min` to `max`, and at every
   * call from then on.
   */
  next(min: number, max: number): Uint8Array | undefined | "FrameLength" {
    const chunk = this.#chunk
    if (this.#body === undefined) {
      const length = Varint.read(chunk, this.#at, chunk.length)
      if (length === Varint.more) {
        if (chunk.length - this.#at >= Varint.size(max)) return "FrameLength"
        // Copied, a byte or two: the chunk is the caller's again.
        this.#chunk = Uint8Array.from(chunk.subarray(this.#at))
        this.#at = 0
        return undefined
      }
      if (length < min || length > max) return "FrameLength"
      const start = this.#at + Varint.size(length)
      if (start + length <= chunk.length) {
        this.#advance(start + length)
        return chunk.subarray(start, start + length)
      }
      this.#body = Buffer.allocUnsafe(length)
      this.#filled = 0
      this.#at = start
    }
    const body = this.#body
    const end = Math.min(chunk.length, this.#at + body.length - this.#filled)
    body.set(chunk.subarray(this.#at, end), this.#filled)
    this.#filled += end - this.#at
    this.#advance(end)
    if (this.#filled < body.length) return undefined
    this.#body = undefined
    return body
  }

  /** Bytes held: everything pushed and not yet given out, prefixes included. */
  get buffered(): number {
    const begun = this.#body === undefined ? 0 : Varint.size(this.#body.length) + this.#filled
    return begun + this.#chunk.length - this.#at
  }

  /** Hands over everything not yet given out, as it came, and keeps nothing. */
  rest(): Uint8Array {
    const all = new Uint8Array(this.buffered)
    let at = 0
    if (this.#body !== undefined) {
      at = Varint.write(all, 0, this.#body.length)
      all.set(this.#body.subarray(0, this.#filled), at)
      at += this.#filled
    }
    all.set(this.#chunk.subarray(this.#at), at)
    this.#body = undefined
    this.#advance(this.#chunk.length)
    return all
  }

  #advance(to: number): void {
    const drained = to === this.#chunk.length
    // A drained chunk is let go, so that an idle connection holds no memory.
    this.#chunk = drained ? nothing : this.#chunk
    this.#at = drained ? 0 : to
  }
}

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}
