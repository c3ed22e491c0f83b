/**
 * A network in memory, which any number of nodes in one process share.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Pipe } from "../internal/pipe.js"

/**
 * Takes the far side of a new connection: what it reads from, what it writes to, and who dialled.
 *
 * @since 0.1.0
 */
export type Accept = (inbound: Pipe, outbound: Pipe, remote: Endpoint) => void

/**
 * A host of the network and its ports.
 *
 * @since 0.1.0
 */
export class Host {
  readonly address: string
  readonly listeners = new Map<number, Accept>()
  readonly #taken = new Set<number>()
  #next = firstFree

  constructor(address: string) {
    this.address = address
  }

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

  // The next one up and not the lowest: a port is not used again at once, as on a real host.
  #free(): number | undefined {
    for (let tried = firstFree; tried <= lastPort; tried++) {
      const port = this.#next
      this.#next = port === lastPort ? firstFree : port + 1
      if (!this.#taken.has(port)) return port
    }
    return undefined
  }
}

/** The hosts that nodes in memory run on. @since 0.1.0 */
export class MemoryNetwork extends Context.Tag("vix/MemoryNetwork")<MemoryNetwork, {
  /** The host with this address, which is made if there is none yet. */
  readonly join: (address: string) => Host
  /** The host with this address, if one has joined. */
  readonly find: (address: string) => Host | undefined
}>() {}

/**
 * A network without hosts.
 *
 * @since 0.1.0
 */
export const make = (): Context.Tag.Service<MemoryNetwork> => {
  const hosts = new Map<string, Host>()
  return {
    join: (address) => {
      const host = hosts.get(address) ?? new Host(address)
      hosts.set(address, host)
      return host
    },
    find: (address) => hosts.get(address)
  }
}

/** A network without hosts, one for each build of the layer. @since 0.1.0 */
export const layer: Layer.Layer<MemoryNetwork> = Layer.sync(MemoryNetwork, make)

const firstFree = 49_152
const lastPort = 65_535
