/**
 * The ports of a host that is not real.
 *
 * @since 0.1.0
 */
import { maxPort } from "../domain/Endpoint.js"

/** @since 0.1.0 */
export class Ports {
  readonly #taken = new Set<number>()
  #next: number = firstFree

  /** Takes a port, any free one for 0; nothing if it is in use or none is free. */
  take(port: number): number | undefined {
    const taken = port === 0 ? this.#free() : this.#taken.has(port) ? undefined : port
    if (taken !== undefined) this.#taken.add(taken)
    return taken
  }

  /** Gives a port back. */
  release(port: number): void {
    this.#taken.delete(port)
  }

  /** Gives all ports back. */
  releaseAll(): void {
    this.#taken.clear()
  }

  // The next one up and not the lowest: a port is not used again at once, as on a real host.
  #free(): number | undefined {
    for (let tried = firstFree; tried <= maxPort; tried++) {
      const port = this.#next
      this.#next = port === maxPort ? firstFree : port + 1
      if (!this.#taken.has(port)) return port
    }
    return undefined
  }
}

const firstFree = 49_152
