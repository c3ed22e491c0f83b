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

  get size(): number {
    return this.#end - this.#start
  }

  // A view costs more than all the rest of a small message.
  get payload(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#start, this.#end - this.#start)
  }
}
