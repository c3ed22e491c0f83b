/**
 * Length-prefixed frames out of a stream of bytes that is cut anywhere.
 *
 * @since 0.1.0
 */
import * as Varint from "./Varint.js"

const nothing = new Uint8Array(0)

/** Memory of a long frame that was gathered, for the next one, whatever connection it comes by. */
let spare: Uint8Array = nothing

/** Bytes from which on memory is worth keeping. */
const longBytes = 4_096

/**
 * Takes chunks, gives frames. A frame that lies whole within a chunk is a view of it; one that is spread over chunks is
 * gathered in memory that grows with what has come.
 *
 * @since 0.1.0
 */
export class FrameReader {
  #chunk: Uint8Array = nothing
  #at = 0
  /** The frame that is being gathered, or was given out last: its memory, its length and how much of it is there. */
  #body: Uint8Array | undefined
  #length = 0
  #filled = 0

  /** Takes a chunk, the caller's again once {@link next} gives no more, which must be before the next push. */
  push(chunk: Uint8Array): void {
    const left = this.#chunk.length - this.#at
    this.#chunk = left === 0 ? chunk : joined(this.#chunk.subarray(this.#at), chunk)
    this.#at = 0
  }

  /**
   * The next body, without its prefix, good until the next call; nothing while bytes are missing; `"FrameLength"` as
   * soon as the prefix is known to be wrong or to name a length outside `min` to `max`, and at every call from then on.
   */
  next(min: number, max: number): Uint8Array | undefined | "FrameLength" {
    if (this.#body !== undefined && this.#filled === this.#length) this.#letGo(this.#body)
    const chunk = this.#chunk
    if (this.#body === undefined) {
      if (this.#at === chunk.length) return undefined
      const length = Varint.read(chunk, this.#at, chunk.length)
      if (length === Varint.more) {
        if (chunk.length - this.#at >= Varint.size(max)) return "FrameLength"
        // Copied, a byte or two: the chunk is the caller's again.
        this.#chunk = new Uint8Array(chunk.subarray(this.#at))
        this.#at = 0
        return undefined
      }
      if (length < min || length > max) return "FrameLength"
      const start = this.#at + Varint.size(length)
      if (start + length <= chunk.length) {
        this.#advance(start + length)
        return view(chunk, start, start + length)
      }
      this.#begin(length)
      this.#at = start
    }
    return this.#gather(chunk)
  }

  /** Bytes held: everything pushed and not yet given out, prefixes included. */
  get buffered(): number {
    return (this.#isCut ? Varint.size(this.#length) + this.#filled : 0) + this.#chunk.length - this.#at
  }

  /** Hands over everything not yet given out, as it came, and keeps nothing. */
  rest(): Uint8Array {
    const all = new Uint8Array(this.buffered)
    let at = 0
    if (this.#body !== undefined && this.#isCut) {
      at = Varint.write(all, 0, this.#length)
      all.set(this.#body.subarray(0, this.#filled), at)
      at += this.#filled
    }
    all.set(this.#chunk.subarray(this.#at), at)
    this.#body = undefined
    this.#advance(this.#chunk.length)
    return all
  }

  get #isCut(): boolean {
    return this.#body !== undefined && this.#filled < this.#length
  }

  #begin(length: number): void {
    this.#length = length
    this.#filled = 0
    if (length < longBytes || length > spare.length) this.#body = nothing
    else {
      this.#body = spare
      spare = nothing
    }
  }

  #gather(chunk: Uint8Array): Uint8Array | undefined {
    const end = Math.min(chunk.length, this.#at + this.#length - this.#filled)
    const filled = this.#filled + end - this.#at
    let body = this.#body ?? nothing
    if (filled > body.length) {
      // No peer is given much more memory than it has sent bytes.
      const grown = Buffer.allocUnsafe(Math.min(this.#length, 2 * filled + 256))
      grown.set(body.subarray(0, this.#filled))
      this.#body = body = grown
    }
    body.set(view(chunk, this.#at, end), this.#filled)
    this.#filled = filled
    this.#advance(end)
    return filled < this.#length ? undefined : view(body, 0, filled)
  }

  #letGo(body: Uint8Array): void {
    if (body.length >= longBytes && body.length > spare.length) spare = body
    this.#body = undefined
  }

  #advance(to: number): void {
    const drained = to === this.#chunk.length
    // A drained chunk is let go, so that an idle connection holds no memory.
    this.#chunk = drained ? nothing : this.#chunk
    this.#at = drained ? 0 : to
  }
}

/** Not `subarray`: of a Buffer that is another Buffer, which costs twice as much to make. */
const view = (bytes: Uint8Array, at: number, end: number): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at)

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}
