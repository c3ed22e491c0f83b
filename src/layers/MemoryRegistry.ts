/**
 * A registry in memory, which any number of nodes in one process share.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as RegistryLimits from "../domain/RegistryLimits.js"
import { type Registry, RegistryError } from "../internal/registry.js"
import type { Announcement, Entry } from "../protocol/RegistryMessage.js"

export {
  /** What a node asks of a registry. @since 0.1.0 */
  type Registry,
  /** A request that a registry did not serve. @since 0.1.0 */
  RegistryError
}

/** @since 0.1.0 */
export class MemoryRegistry extends Context.Tag("vix/MemoryRegistry")<MemoryRegistry, {
  /** The registry as it serves the nodes of a host. */
  readonly from: (host: string) => Registry
  /** What is listed now, the last announced at the end. */
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  /** What every request meets from now on: `refuse`, `Effect.never` for a registry that hangs, `Effect.void` for none. */
  readonly meet: (fate: Effect.Effect<void, RegistryError>) => Effect.Effect<void>
}>() {}

/** The fate of a request to a registry that is down. @since 0.1.0 */
export const refuse: Effect.Effect<never, RegistryError> = Effect.suspend(() =>
  new RegistryError({ reason: "Unreachable" })
)

/** An empty registry that forgets whoever announced nothing for `RegistryLimits.entryMillis`. @since 0.1.0 */
export const make: Effect.Effect<typeof MemoryRegistry.Service> = Effect.sync(() => {
  const listed = new Map<string, { readonly entry: Entry; readonly until: bigint }>()
  let fate: Effect.Effect<void, RegistryError> = Effect.void

  const current = Effect.map(Clock.currentTimeNanos, (now) => {
    for (const [key, { until }] of listed) if (until <= now) listed.delete(key)
    return [...listed.values()].map(({ entry }) => entry)
  })
  // A real one takes time; code that counts on the contrary must fail here too.
  const request = <A>(serve: Effect.Effect<A>) =>
    Effect.zipRight(Effect.yieldNow(), Effect.zipRight(Effect.suspend(() => fate), serve))

  return MemoryRegistry.of({
    entries: current,
    meet: (next) => Effect.sync(() => void (fate = next)),
    from: (host) => ({
      announce: ({ key, node_id, tcp_port }: Announcement) =>
        request(Effect.map(Clock.currentTimeNanos, (now) => {
          listed.delete(key)
          const entry = { node_id, host, tcp_port, key }
          listed.set(key, { entry, until: now + BigInt(RegistryLimits.defaults.entryMillis) * 1_000_000n })
        })),
      peers: (limit) =>
        request(Effect.map(Effect.flatMap(current, Random.shuffle), (all) => [...all].slice(0, limit))),
      leave: ({ key }) =>
        request(Effect.sync(() => {
          if (listed.get(key)?.entry.host === host) listed.delete(key)
        }))
    })
  })
})

/** One registry; nodes meet only if they are given the same one. @since 0.1.0 */
export const layer: Layer.Layer<MemoryRegistry> = Layer.effect(MemoryRegistry, make)
