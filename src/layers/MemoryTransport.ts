/**
 * `Transport` in memory: nodes that share a `MemoryNetwork` reach each other, and nothing else. It knows neither
 * latency nor loss; the same program runs the same way every time.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Endpoint from "../domain/Endpoint.js"
import { Pipe, type Side, side, type SideOptions } from "../internal/pipe.js"
import { listenOn, receive } from "../internal/reception.js"
import { type ListenOptions, type Reception, Transport, TransportError } from "../services/Transport.js"
import { type Host, MemoryNetwork } from "./MemoryNetwork.js"

/** Where a node stands in the network, and how its connections cut and hold bytes. @since 0.1.0 */
export interface Options extends Partial<SideOptions> {
  /** The address of the host on which the node runs; several nodes may run on one. */
  readonly host: string
}

/** As on a real host: 64 KiB under way, and a read takes all that waits. @since 0.1.0 */
export const defaults: SideOptions = {
  capacity: 65_536,
  chunk: (waiting) => waiting
}

/** The transport of one node. @since 0.1.0 */
export const make = (options: Options): Effect.Effect<Context.Tag.Service<Transport>, never, MemoryNetwork> =>
  Effect.map(MemoryNetwork, (network) => {
    const host = network.join(Endpoint.canonical(options.host))
    const sides = { ...defaults, ...options }
    return { listen: listen(host, sides), dial: dial(network, host, sides) }
  })

/** The same as a layer. Nodes reach each other only if they are given the same network. @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<Transport, never, MemoryNetwork> =>
  Layer.effect(Transport, make(options))

const listen = (host: Host, sides: SideOptions) => (options: ListenOptions, reception: Reception) =>
  listenOn(host, options, (run, local) => (inbound, outbound, remote) => {
    const { close, connection } = side({ local, remote }, inbound, outbound, sides)
    if (reception.admit(remote)) receive(run, reception, connection, close)
    else close(true)
  })

const dial = (network: Context.Tag.Service<MemoryNetwork>, host: Host, sides: SideOptions) => {
  const open = (endpoint: Endpoint.Endpoint): Effect.Effect<Side, TransportError> => {
    const fail = (reason: "HostUnreachable" | "ConnectionRefused" | "AddressNotAvailable") =>
      new TransportError({ reason, endpoint })
    const target = network.find(endpoint.host)
    if (target === undefined) return fail("HostUnreachable")
    const accept = target.listeners.get(endpoint.port)
    if (accept === undefined) return fail("ConnectionRefused")
    const port = host.take(0)
    if (port === undefined) return fail("AddressNotAvailable")
    const local = Endpoint.make(host.address, port)
    const [there, back] = [new Pipe(), new Pipe()]
    const { close, connection } = side({ local, remote: endpoint }, back, there, sides)
    accept(there, back, local)
    return Effect.succeed({ connection, close })
  }
  return (endpoint: Endpoint.Endpoint) =>
    // A real dial takes time; code that counts on the contrary must fail here too.
    Effect.yieldNow().pipe(
      Effect.zipRight(Effect.acquireRelease(
        Effect.suspend(() => open(endpoint)),
        ({ close, connection }) =>
          Effect.sync(() => {
            close()
            host.release(connection.local.port)
          })
      )),
      Effect.map(({ connection }) => connection)
    )
}
