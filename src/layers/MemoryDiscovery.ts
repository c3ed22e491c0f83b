/**
 * `Discovery` in memory: nodes that share a `MemoryAir` hear each other, and nothing else.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Interface } from "../domain/Interfaces.js"
import * as Beacons from "../internal/beacons.js"
import { Discovery } from "../services/Discovery.js"
import { DiscoveryConfig } from "../services/DiscoveryConfig.js"
import { MemoryAir } from "./MemoryAir.js"

/** Where a node stands. @since 0.1.0 */
export interface Options {
  /** The addresses of its host, one for each of its interfaces: every beacon leaves from each of them. */
  readonly hosts: ReadonlyArray<string>
}

/** The discovery of one node. @since 0.1.0 */
export const make = (
  { hosts }: Options
): Effect.Effect<Discovery["Type"], never, Beacons.Needs | MemoryAir | Scope.Scope> =>
  Effect.gen(function*() {
    const air = yield* MemoryAir
    const { port } = yield* DiscoveryConfig
    // One segment, on which all addresses are near.
    const interfaces = hosts.map((address, at): Interface => ({
      name: `mem${at}`,
      address,
      netmask: "0.0.0.0"
    }))
    return yield* Beacons.make((hear) =>
      Effect.as(
        air.listen(port, hear),
        (beacons) =>
          Effect.sync(() => {
            for (const { address } of interfaces) {
              for (const beacon of beacons) air.say(port, beacon, address)
            }
            return {
              interfaces,
              sent: interfaces.map(({ name }) => name),
              datagrams: interfaces.length * beacons.length,
              problems: []
            }
          })
      )
    )
  })

/** The same as a layer. Nodes hear each other only if they are given the same air. @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<Discovery, never, Beacons.Needs | MemoryAir> =>
  Layer.scoped(Discovery, make(options))
