/**
 * A time limit that connections are under. It is the same for all of them, so one fiber looks after it, and the one that
 * began first is the next to be late.
 */
import * as Effect from "effect/Effect"
import { type Core, now, sleep } from "./core.js"
import type { Link } from "./link.js"
import { Signal } from "./signal.js"

interface Waiting {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly late: () => void
}

export class Deadline {
  readonly #millis: number
  readonly #waiting = new Map<Link, Waiting>()
  /** Raised when somebody comes under the limit. */
  readonly #some = new Signal()

  constructor(millis: number) {
    this.#millis = millis
  }

  /** Calls `late` when the time of a connection is over, unless the deadline is met before. */
  begin(link: Link, nowMillis: number, late: () => void): void {
    this.#waiting.set(link, { at: nowMillis + this.#millis, late })
    this.#some.raise()
  }

  /** Whether a connection is under the limit. */
  holds(link: Link): boolean {
    return this.#waiting.has(link)
  }

  /** A connection is not under the limit any more. */
  met(link: Link): void {
    this.#waiting.delete(link)
  }

  /** Runs for as long as the node does. */
  watch(core: Pick<Core, "clock">): Effect.Effect<void> {
    const look = Effect.suspend(() => {
      for (const [link, { at, late }] of this.#waiting) {
        const wait = at - now(core)
        if (wait > 0) return sleep(core, wait)
        this.#waiting.delete(link)
        late()
      }
      return this.#some.next()
    })
    // Not `Effect.forever`, which yields after each round: every round waits by itself.
    return Effect.whileLoop({
      while: () => true,
      body: () => look,
      step: () => {}
    })
  }
}
