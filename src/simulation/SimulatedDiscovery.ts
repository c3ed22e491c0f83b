/**
 * `Discovery` over the datagrams of a simulated network: all of the real one but the sockets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Beacons from "../internal/beacons.js"
import { type Datagrams, discovery, type System } from "../internal/datagrams.js"
import { Discovery } from "../services/Discovery.js"
import type { Machine } from "./Machine.js"
import type { Ear } from "./Network.js"

/** The discovery of a program. @since 0.1.0 */
export const make = (
  machine: Machine
): Effect.Effect<Discovery["Type"], never, Beacons.Needs | Scope.Scope> => discovery(system(machine))

/** @since 0.1.0 */
export const layer = (machine: Machine): Layer.Layer<Discovery, never, Beacons.Needs> =>
  Layer.scoped(Discovery, make(machine))

/** How long after it was sent a datagram may come again, in microseconds. */
const echoMicros = 30_000_000

const system = (machine: Machine): System => {
  const { host, mishaps } = machine
  return {
    interfaces: Effect.suspend(() =>
      mishaps.strike("interfaces: unreadable")
        ? Effect.fail(failure("EPERM"))
        : Effect.succeed(
          mishaps.strike("interfaces: one is down") ? host.attachments.slice(1) : host.attachments
        )
    ),
    open: (port, hear) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const ear: Ear = { host, process: machine.process, port, groups: new Set(), hear }
            host.ears.add(ear)
            return ear
          }),
          (ear) => Effect.sync(() => host.ears.delete(ear))
        ),
        (ear) => datagrams(machine, ear)
      )
  }
}

const datagrams = ({ host, mishaps, network }: Machine, ear: Ear): Datagrams => {
  let by: string | undefined
  let broken: unknown
  return {
    broken: () => broken,
    join: (group, address) =>
      Effect.sync(() => {
        ear.groups.add(`${group}@${address}`)
        by = address
      }),
    send: (datagram, port, address) =>
      Effect.suspend(() => {
        if (mishaps.strike("datagrams: socket broke")) {
          broken = failure("ENETDOWN")
          return Effect.fail(broken)
        }
        if (mishaps.strike("datagram: refused")) return Effect.fail(failure("ENOBUFS"))
        const bytes = mishaps.strike("datagram: cut short")
          ? datagram.subarray(0, datagram.length >> 1)
          : datagram
        for (const via of host.attachments) {
          if (by !== undefined && via.address !== by) continue
          network.send(host, via, bytes, port, address)
          if (mishaps.strike("datagram: heard again much later")) {
            const late = network.chance.below(echoMicros)
            network.world.after(late, () => network.send(host, via, bytes, port, address))
          }
        }
        return Effect.void
      })
  }
}

const failure = (code: string): Error => Object.assign(new Error(code), { code })
