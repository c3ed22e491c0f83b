/**
 * What will happen, the earliest first; of what happens at one time, the first that was entered.
 *
 * @since 0.1.0
 */

/** Something that will happen unless it is cancelled. @since 0.1.0 */
export class Entry {
  /** Microseconds of the world. */
  readonly atMicros: number
  readonly order: number
  /** Nothing once it has happened or was cancelled. */
  action: (() => void) | undefined

  constructor(atMicros: number, order: number, action: () => void) {
    this.atMicros = atMicros
    this.order = order
    this.action = action
  }

  cancel(): void {
    this.action = undefined
  }
}

/** A binary heap of entries. @since 0.1.0 */
export class Agenda {
  readonly #heap: Array<Entry> = []
  #entered = 0

  /** How many entries wait, cancelled ones among them. */
  get size(): number {
    return this.#heap.length
  }

  /** Enters an action for a time. */
  enter(atMicros: number, action: () => void): Entry {
    const entry = new Entry(atMicros, this.#entered++, action)
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || precedes(above, entry)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
    return entry
  }

  /** The time of the next action; nothing if none waits. */
  nextMicros(): number | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.action !== undefined) return first?.atMicros
      this.#shift()
    }
  }

  /** Takes the next action out. */
  take(): (() => void) | undefined {
    while (this.#heap.length > 0) {
      const entry = this.#shift()
      const action = entry?.action
      entry?.cancel()
      if (action !== undefined) return action
    }
    return undefined
  }

  #shift(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return last
    let at = 0
    for (;;) {
      const leftAt = 2 * at + 1
      const left = heap[leftAt]
      if (left === undefined) break
      const right = heap[leftAt + 1]
      const isRight = right !== undefined && precedes(right, left)
      const child = isRight ? right : left
      if (precedes(last, child)) break
      heap[at] = child
      at = isRight ? leftAt + 1 : leftAt
    }
    heap[at] = last
    return first
  }
}

const precedes = (a: Entry, b: Entry): boolean =>
  a.atMicros < b.atMicros || (a.atMicros === b.atMicros && a.order < b.order)
