/**
 * Whoever looks at the world from outside: it runs before anything else happens in it, and nothing that happens in
 * the world happens to it.
 *
 * @since 0.1.0
 */
import { Process } from "./Process.js"

/** @since 0.1.0 */
export class Watcher extends Process {
  override scheduleTask(task: () => void): void {
    this.world.watch(this, task)
  }
}
