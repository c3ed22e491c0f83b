/**
 * When the fibers of a node take their turns.
 */
import type { Scheduler } from "effect/Scheduler"

/**
 * The same scheduler for fibers that take their turns together. The one of Effect else keeps a queue for each fiber, and
 * comes round anew for each: dear for thousands of connections that mostly wait.
 */
export const together = (scheduler: Scheduler): Scheduler => ({
  shouldYield: (fiber) => scheduler.shouldYield(fiber),
  scheduleTask: (task, priority) => scheduler.scheduleTask(task, priority)
})
