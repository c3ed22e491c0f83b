/**
 * A message as it came: a place in the plaintext of a frame, which becomes bytes of its own when somebody asks.
 */
import type { NodeId } from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import type { Message } from "../services/Node.js"

export class Received implements Message {
  readonly from: PeerId
  readonly nodeId: NodeId
  readonly topic: string
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number

  constructor(from: PeerId, nodeId: NodeId, topic: string, bytes: Uint8Array, start: number, end: number) {
    this.from = from
    this.nodeId = nodeId
    this.topic = topic
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** Messages that come together in memory that they fill; one that was put together stays as it is. */
  static pack(messages: ReadonlyArray<Received>): Array<Received> {
    const alone = (message: Received) => !(message instanceof Joined)
    const all = new Uint8Array(messages.filter(alone).reduce((sum, { size }) => sum + size, 0))
    let at = 0
    return messages.map((message) => {
      if (!alone(message)) return message
      const { from, nodeId, payload, topic } = message
      all.set(payload, at)
      return new Received(from, nodeId, topic, all, at, at += payload.length)
    })
  }

  /** It cannot be given back before the message is. */
  get memory(): ArrayBufferLike {
    return this.#bytes.buffer
  }

  get size(): number {
    return this.#end - this.#start
  }

  // A view costs more than all the rest of a small message.
  get payload(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#start, this.#end - this.#start)
  }
}

/** A message that came in parts, which are put together when somebody asks for it. */
export class Joined extends Received {
  #parts: ReadonlyArray<Uint8Array>

  constructor(from: PeerId, nodeId: NodeId, topic: string, parts: ReadonlyArray<Uint8Array>) {
    super(from, nodeId, topic, nothing, 0, parts.reduce((sum, part) => sum + part.length, 0))
    this.#parts = parts
  }

  override get payload(): Uint8Array {
    const { buffer, byteOffset } = this.#whole()
    return new Uint8Array(buffer, byteOffset, this.size)
  }

  /** Once only: who asks twice gets the same bytes. */
  #whole(): Uint8Array {
    const [first, ...others] = this.#parts
    if (first !== undefined && others.length === 0) return first
    const whole = Buffer.concat(this.#parts, this.size)
    this.#parts = [whole]
    return whole
  }
}

const nothing = new Uint8Array(0)
