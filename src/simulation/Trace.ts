/**
 * What happened, one line an event, and a hash over all of it.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import type { NodeEvent } from "../domain/NodeEvent.js"

/** An event, where and when it happened. @since 0.1.0 */
export interface Happening {
  /** Microseconds of the world. */
  readonly atMicros: number
  readonly node: string
  /** Which life of the node, from 1. */
  readonly life: number
  readonly event: NodeEvent
}

/** How many of the last events are kept for whoever asks what led to a failure. */
const kept = 512

/** Characters of lines that are hashed at a time. */
const batchChars = 65_536

type Received = Extract<NodeEvent, { readonly ev: "beacon.received" }>

/** @since 0.1.0 */
export class Trace {
  /** Events so far. */
  length = 0
  readonly #hash = createHash("sha256")
  /** What the hash has not taken yet: it takes much at a time more cheaply. */
  #lines = ""
  readonly #last: Array<Happening> = []
  readonly #received = new ReceivedLines()
  readonly #listen: ((happening: Happening) => void) | undefined

  constructor(listen?: (happening: Happening) => void) {
    this.#listen = listen
  }

  add(happening: Happening): void {
    const { atMicros, event, life, node } = happening
    this.#lines += event.ev === "beacon.received"
      ? `${atMicros} ${node} ${life} ${this.#received.json(event)}\n`
      : line(happening)
    if (this.#lines.length > batchChars) this.#flush()
    this.#last[this.length % kept] = happening
    this.length++
    this.#listen?.(happening)
  }

  /** The hash of all lines so far, in hexadecimal. */
  get hash(): string {
    this.#flush()
    return this.#hash.copy().digest("hex")
  }

  #flush(): void {
    this.#hash.update(this.#lines)
    this.#lines = ""
  }

  /** The last events, the oldest first. */
  last(): ReadonlyArray<Happening> {
    const at = this.length % kept
    return this.length < kept ? [...this.#last] : [...this.#last.slice(at), ...this.#last.slice(0, at)]
  }
}

/** The events of which a world has most: many hear the same beacon, one after the other, and tell the same of it. */
class ReceivedLines {
  #last: Received | undefined
  #start = ""

  /** The event as `JSON.stringify` has it. */
  json(event: Received): string {
    const last = this.#last
    if (
      last === undefined || last.nodeId !== event.nodeId || last.endpoint !== event.endpoint ||
      last.key !== event.key || last.own !== event.own || last.full !== event.full
    ) {
      const { atMillis: _, ...rest } = event
      this.#last = event
      this.#start = JSON.stringify(rest).slice(0, -1)
    }
    return `${this.#start},"atMillis":${event.atMillis}}`
  }
}

/** An event as a line of the trace, with its end. @since 0.1.0 */
export const line = ({ atMicros, event, life, node }: Happening): string =>
  `${atMicros} ${node} ${life} ${JSON.stringify(event)}\n`
