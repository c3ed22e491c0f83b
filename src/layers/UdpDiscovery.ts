/**
 * `Discovery` by UDP: one directed broadcast, or one multicast datagram, by each IPv4 interface.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { networkInterfaces } from "node:os"
import type * as Beacons from "../internal/beacons.js"
import { discovery } from "../internal/datagrams.js"
import * as Udp from "../internal/udp.js"
import { Discovery } from "../services/Discovery.js"

/**
 * It never fails: what does not work is told once, and tried again with every beacon. A node that listens on one
 * address alone is announced by the interface with that address alone.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<Discovery["Type"], never, Beacons.Needs | Scope.Scope> = discovery({
  open: Udp.open,
  interfaces: Effect.try({
    try: () =>
      Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
        addresses.flatMap(({ address, family, netmask }) =>
          family === "IPv4" ? [{ name, address, netmask }] : []
        )
      ),
    catch: (cause) => cause
  })
})

/** The local network of this host. @since 0.1.0 */
export const layer: Layer.Layer<Discovery, never, Beacons.Needs> = Layer.scoped(Discovery, make)
