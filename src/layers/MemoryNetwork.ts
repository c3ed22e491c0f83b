/**
 * A network in memory, which any number of nodes in one process share.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Pipe } from "../internal/pipe.js"
import { Ports } from "../internal/ports.js"

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
export class Host extends Ports {
  readonly address: string
  readonly listeners = new Map<number, Accept>()

  constructor(address: string) {
    super()
    this.address = address
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
