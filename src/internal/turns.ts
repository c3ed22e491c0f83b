/**
 * When fibers take their turns.
 */
import * as Effect from "effect/Effect"
import type { Scheduler } from "effect/Scheduler"

/**
 * The same scheduler for fibers that take their turns together. The one of Effect else keeps a queue for each fiber, and
 * comes round anew for each: dear for thousands of connections that mostly wait.
 */
export const together = (scheduler: Scheduler): Scheduler => ({
  shouldYield: (fiber) => scheduler.shouldYield(fiber),
  scheduleTask: (task, priority) => scheduler.scheduleTask(task, priority)
})

/** Waits for the next turn of the event loop: a yield of Effect lets other fibers run, and not always sockets. */
export const turn: Effect.Effect<void> = Effect.async((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})
