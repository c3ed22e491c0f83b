/** Small worlds, and programs that run in them until they are done. */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { Machine } from "../../src/simulation/Machine.js"
import { Mishaps } from "../../src/simulation/Mishaps.js"
import { type Attachment, Host, Network } from "../../src/simulation/Network.js"
import type { Path } from "../../src/simulation/Path.js"
import { type Options, Process } from "../../src/simulation/Process.js"
import { type Order, World } from "../../src/simulation/World.js"

/** No jitter: what takes its time takes exactly that. */
export const exact: Partial<Path> = { latencyMicros: 1_000, jitterMicros: 0 }

export const networkOf = (
  { order = "seeded", path = {}, seed = 1 }: {
    readonly seed?: number
    readonly order?: Order
    readonly path?: Partial<Path>
  } = {}
): Network => new Network(new World({ seed, order }), path)

export const attachment = (address: string, segment = "lan"): Attachment => ({
  name: "eth0",
  address,
  netmask: "255.255.255.0",
  segment
})

/** A host with a process on it. */
export const machineOn = (
  network: Network,
  name: string,
  attachments: ReadonlyArray<Attachment>,
  options: Options = {}
): Machine => {
  const host = new Host(name, attachments)
  network.join(host)
  return machineOf(network, host, options)
}

/** One more process on a host. */
export const machineOf = (network: Network, host: Host, options: Options = {}): Machine => {
  const chance = network.world.chance.fork(`test/${host.name}`)
  return {
    network,
    host,
    process: new Process(network.world, host.name, chance.fork("process"), {
      skewMillis: () => host.skewMillis,
      ...options
    }),
    chance: chance.fork("entropy"),
    mishaps: new Mishaps(chance.fork("mishaps"))
  }
}

/** The host 10.0.0.`number`. */
export const numbered = (network: Network, number: number, options: Options = {}): Machine =>
  machineOn(network, `h${number}`, [attachment(`10.0.0.${number}`)], options)

export const at = ({ host }: Machine, port: number): Endpoint.Endpoint => Endpoint.make(host.address, port)

/** Runs a program of a process until it is done, and the world no further. */
export const runIn = <A, E>(process: Process, effect: Effect.Effect<A, E>, limitMillis = 3_600_000): A => {
  const { world } = process
  let exit: Exit.Exit<A, E> | undefined
  process.run(effect).addObserver((done) => {
    exit = done
    world.stop()
  })
  world.run(world.nowMicros + limitMillis * 1_000)
  if (exit === undefined) throw new Error(`not done after ${limitMillis / 1_000} s of the world`)
  return Exit.getOrElse(exit, (cause) => {
    throw Cause.squash(cause)
  })
}

/** Lets so many milliseconds of the world pass. */
export const pass = (world: World, millis: number): void => {
  world.run(world.nowMicros + millis * 1_000)
}
