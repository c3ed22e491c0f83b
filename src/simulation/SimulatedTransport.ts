/**
 * `Transport` over the streams of a simulated network.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Endpoint from "../domain/Endpoint.js"
import type { Reason } from "../domain/Reason.js"
import { listenOn, receive } from "../internal/reception.js"
import {
  type Connection,
  type ListenOptions,
  type Reception,
  Transport,
  TransportError
} from "../services/Transport.js"
import type { Machine } from "./Machine.js"
import * as Tcp from "./Tcp.js"

/** The transport of a program. @since 0.1.0 */
export const make = (machine: Machine): Context.Tag.Service<Transport> => ({
  listen: listen(machine),
  dial: dial(machine)
})

/** @since 0.1.0 */
export const layer = (machine: Machine): Layer.Layer<Transport> => Layer.sync(Transport, () => make(machine))

const listen = (machine: Machine) => (options: ListenOptions, reception: Reception) =>
  listenOn(machine.host, options, (run) => ({
    process: machine.process,
    accept: (socket: Tcp.Socket): void => {
      if (machine.mishaps.strike("accept: too many open files")) return socket.close(true)
      if (!reception.admit(socket.remote)) return socket.close(true)
      receive(run, reception, frail(machine, socket), () => socket.close())
    }
  }))

const dial = (machine: Machine) => (endpoint: Endpoint.Endpoint) =>
  Effect.gen(function*() {
    const { host, mishaps, network, process } = machine
    const fail = (reason: Reason) => new TransportError({ reason, endpoint })
    if (mishaps.strike("dial: no port is free")) return yield* fail("AddressNotAvailable")
    if (mishaps.strike("dial: too many open files")) return yield* fail("TooManyOpenFiles")
    if (mishaps.strike("dial: no route")) return yield* fail("NetworkUnreachable")
    const socket = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const port = host.take(0)
        return port === undefined
          ? fail("AddressNotAvailable")
          : Effect.succeed(Tcp.connect(network, process, host, port, endpoint))
      }),
      (opened) =>
        Effect.sync(() => {
          opened.close()
          host.release(opened.local.port)
        })
    )
    // Whoever gives a dial up leaves no socket that goes on connecting.
    yield* Effect.onInterrupt(socket.connected, () => Effect.sync(() => socket.close()))
    if (mishaps.strike("dial: reset at once")) socket.reset()
    return frail(machine, socket)
  })

const silence = Effect.async<never>(() => {})

/** Milliseconds that a slow write takes. */
const slowWriteMillis = 500

/** A connection that fails once in a while. */
const frail = (machine: Machine, socket: Tcp.Socket): Connection => {
  const { mishaps, network } = machine
  const { connection } = socket
  let slow = false
  let drained = (): void => {}
  const hurry = (): void => {
    slow = false
    drained()
  }
  return {
    ...connection,
    receive: (receiver) => {
      drained = () => receiver.drained?.()
      return connection.receive({
        begun: (end) => receiver.begun?.(end),
        take: (chunk) => {
          if (mishaps.strike("read: reset")) socket.reset()
          return receiver.take(chunk)
        },
        drained: () => {
          if (!slow) drained()
        }
      })
    },
    write: (chunks, left) => {
      if (mishaps.strike("write: broken pipe")) socket.reset("BrokenPipe")
      const below = connection.write(chunks, left)
      if (!slow && mishaps.strike("write: slow")) {
        slow = true
        network.world.after(slowWriteMillis * 1_000, () => machine.process.scheduleTask(hurry))
      }
      return below && !slow
    },
    end: Effect.suspend(() => mishaps.strike("end: never done") ? silence : connection.end)
  }
}
