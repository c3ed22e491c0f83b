/**
 * `Bootstrap` from the registry of a simulated network, which is a host like any other.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Registry, RegistryError } from "../internal/registry.js"
import * as Visits from "../internal/visits.js"
import type { MemoryRegistry } from "../layers/MemoryRegistry.js"
import { Bootstrap } from "../services/Bootstrap.js"
import type { BootstrapConfig } from "../services/BootstrapConfig.js"
import type { Identity } from "../services/Identity.js"
import type { NodeConfig } from "../services/NodeConfig.js"
import type { Machine } from "./Machine.js"
import type { Host } from "./Network.js"

/** What a registry does with those that ask it. @since 0.1.0 */
export type Mood = "well" | "gone" | "slow" | "wrong"

/** A registry and the host that it runs on. @since 0.1.0 */
export interface SimulatedRegistry {
  readonly host: Host
  readonly registry: typeof MemoryRegistry.Service
  /** By which its entries age: those of its visitors all show another time. */
  readonly clock: Clock.Clock
  mood: Mood
}

/** @since 0.1.0 */
export const make = (
  machine: Machine,
  registry: SimulatedRegistry
): Effect.Effect<Bootstrap["Type"], never, BootstrapConfig | Identity | NodeConfig | Scope.Scope> =>
  Visits.make(client(machine, registry))

/** @since 0.1.0 */
export const layer = (
  machine: Machine,
  registry: SimulatedRegistry
): Layer.Layer<Bootstrap, never, BootstrapConfig | Identity | NodeConfig> =>
  Layer.scoped(Bootstrap, make(machine, registry))

/** No answer, ever. */
const silence = Effect.async<never>(() => {})

/** Milliseconds that a slow registry takes. */
const slowMillis = 4_000

const client = (machine: Machine, target: SimulatedRegistry): Registry => {
  const { host, mishaps, network } = machine
  const registry = target.registry.from(host.address)

  /** One way of a request or of its answer; it never ends where nothing passes. */
  const way = (from: Host, to: Host) =>
    Effect.suspend(() => {
      const path = network.path(from, to)
      if (!network.passes(from, to) || path.clogged) return silence
      return Effect.sleep(Math.ceil(network.delayMicros(path) / 1_000))
    })

  const request = <A>(serve: Effect.Effect<A, RegistryError>): Effect.Effect<A, RegistryError> =>
    Effect.gen(function*() {
      if (mishaps.strike("registry: unreachable")) return yield* new RegistryError({ reason: "Unreachable" })
      yield* way(host, target.host)
      if (target.mood === "gone") return yield* new RegistryError({ reason: "Unreachable" })
      if (target.mood === "slow") yield* Effect.sleep(slowMillis)
      if (mishaps.strike("registry: slow")) yield* silence
      if (mishaps.strike("registry: busy")) {
        return yield* new RegistryError({
          reason: "Refused",
          detail: "HTTP 503",
          retryAfterMillis: 10_000
        })
      }
      if (target.mood === "wrong") return yield* new RegistryError({ reason: "Malformed" })
      const answer = yield* Effect.withClock(serve, target.clock)
      yield* way(target.host, host)
      if (mishaps.strike("registry: answer cut short")) {
        return yield* new RegistryError({ reason: "Truncated" })
      }
      return answer
    })

  return {
    announce: (announcement) => request(registry.announce(announcement)),
    leave: (announcement) => request(registry.leave(announcement)),
    peers: (limit) =>
      Effect.map(
        request(registry.peers(limit)),
        (entries) => mishaps.strike("registry: answer of nonsense") ? nonsense(entries) : entries
      )
  }
}

const nonsense = (entries: ReadonlyArray<unknown>): ReadonlyArray<unknown> => [
  null,
  { node_id: "nobody", host: "224.0.0.1", tcp_port: 9_001 },
  { node_id: "nobody", host: "10.0.255.254", tcp_port: 0 },
  { node_id: "nobody", host: "10.0.255.254", tcp_port: 1 },
  ...entries
]
