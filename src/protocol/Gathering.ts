/**
 * The Bundle that waits at the end of an outbox, still open for what comes.
 *
 * @since 0.1.0
 */
import * as Envelope from "./Envelope.js"
import * as Message from "./Message.js"

/** Small plaintexts, written as the items of a Bundle; while there is one only, it is sent as itself. @since 0.1.0 */
export class Gathering {
  readonly sinceMillis: number
  #bytes: Uint8Array
  #end = 0
  /** Where the first plaintext begins, while it is the only one. */
  #start = 0
  #type = 0

  /** For so many plaintexts of about so many bytes each. */
  constructor(sinceMillis: number, bytes: number, count: number) {
    this.sinceMillis = sinceMillis
    this.#bytes = memory(Math.max(leastBytes, count * (bytes + Message.itemHead(bytes))))
  }

  get type(): number {
    return this.#start === 0 ? Envelope.types.Bundle : this.#type
  }

  get plaintext(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  get length(): number {
    return this.#end - this.#start
  }

  /** Adds a plaintext of two pieces; false if there is no room for it. */
  add(type: number, head: Uint8Array, rest: Uint8Array): boolean {
    const size = head.length + rest.length
    const before = this.#end
    const start = before + Message.itemHead(size)
    const end = start + size
    if (end > Envelope.maxPlain) return false
    if (end > this.#bytes.length) this.#grow(end)
    const bytes = this.#bytes
    Message.writeItemHead(bytes, before, type, size)
    // Heads are short, and then a loop is quicker than a call.
    for (let at = 0; at < head.length; at++) bytes[start + at] = head[at] ?? 0
    bytes.set(rest, start + head.length)
    this.#end = end
    this.#type = type
    this.#start = before === 0 ? start : 0
    return true
  }

  /** Gives its memory to the next one that needs as much; to be called once it is sealed. */
  leave(): void {
    if (this.#bytes.length === Envelope.maxPlain) spare = this.#bytes
  }

  #grow(length: number): void {
    const grown = memory(4 * length)
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}

/** Bytes that a few small plaintexts need. */
const leastBytes = 256

/** Memory of a full bundle that has been sealed. Taken anew for each, it would make the collector run all the time. */
let spare: Uint8Array | undefined

/** Memory for so many bytes, or for a full bundle if they are more. */
const memory = (bytes: number): Uint8Array => {
  if (bytes < Envelope.maxPlain) return Buffer.allocUnsafe(bytes)
  const full = spare ?? Buffer.allocUnsafe(Envelope.maxPlain)
  spare = undefined
  return full
}
