import { it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Discovery } from "../../src/services/Discovery.js"
import type { Transport } from "../../src/services/Transport.js"
import type { Machine } from "../../src/simulation/Machine.js"
import * as SimulatedDiscovery from "../../src/simulation/SimulatedDiscovery.js"
import * as SimulatedTransport from "../../src/simulation/SimulatedTransport.js"
import { contract as discovery } from "../layers/Discovery.contract.js"
import { contract as transport } from "../layers/Transport.contract.js"
import { attachment, machineOf, machineOn, networkOf } from "./worlds.js"

class Place extends Context.Tag("test/Place")<Place, Machine>() {}

/** Milliseconds of the world between two turns of the event loop, which some of the tests wait for. */
const stepMillis = 5

const limitMillis = 600_000

/** Runs the body of a test as a program on a host, and the world around it until that is done. */
const inWorld =
  (seed: number) => <E>(title: string, body: () => Effect.Effect<void, E, Scope.Scope>): void => {
    it(title, async () => {
      const network = networkOf({ seed })
      machine = machineOn(network, "h1", [attachment("10.0.0.1")])
      const { world } = network
      const fiber = machine.process.run(Effect.scoped(body()))
      for (let exit = fiber.unsafePoll();; exit = fiber.unsafePoll()) {
        if (exit !== null) {
          return Exit.getOrElse(exit, (cause) => {
            throw Cause.squash(cause)
          })
        }
        if (world.nowMillis > limitMillis) {
          throw new Error(`not done after ${limitMillis / 1_000} s of the world`)
        }
        world.run(world.nowMicros + stepMillis * 1_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
  }

/** The host on which the test at hand runs. */
let machine = machineOn(networkOf(), "none", [])

const here = <A, E, R>(layer: (machine: Machine) => Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.suspend(() => layer(machine))

for (const seed of [1, 2, 3]) {
  transport(
    `SimulatedTransport, seed ${seed}`,
    here(SimulatedTransport.layer) satisfies Layer.Layer<Transport>,
    "10.0.0.1",
    inWorld(seed)
  )
  for (const mode of ["broadcast", "multicast"] as const) {
    discovery(
      `SimulatedDiscovery, ${mode}, seed ${seed}`,
      // A process of its own for each node, all on one host.
      Layer.unwrapEffect(
        Effect.map(Place, ({ host, network }) => SimulatedDiscovery.layer(machineOf(network, host)))
      ) satisfies Layer.Layer<Discovery, never, unknown>,
      { mode },
      Layer.effect(Place, Effect.sync(() => machine)),
      "10.0.0.1",
      inWorld(seed)
    )
  }
}
