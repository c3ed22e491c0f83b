/**
 * Waiting for what comes once.
 */
import * as Effect from "effect/Effect"

/** A result to wait for. It costs nothing to speak of as long as nobody does, which is most of the time. */
export class Once<A, E = never> {
  #result: Effect.Effect<A, E> | undefined
  #waiting: Array<(result: Effect.Effect<A, E>) => void> | undefined

  /** The first result stands. */
  done(result: Effect.Effect<A, E>): void {
    if (this.#result !== undefined) return
    this.#result = result
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const resume of waiting) resume(result)
  }

  /** The result, now or once it is there. */
  get wait(): Effect.Effect<A, E> {
    return Effect.suspend(() =>
      this.#result ?? Effect.async((resume) => {
        this.#waiting ??= []
        this.#waiting.push(resume)
      })
    )
  }
}
