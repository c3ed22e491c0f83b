/**
 * A local network in memory, on which every host hears what any of them says.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** Takes a datagram and the address of the host it comes from. @since 0.1.0 */
export type Hear = (datagram: Uint8Array, host: string) => void

/** What nodes in memory discover each other by. @since 0.1.0 */
export class MemoryAir extends Context.Tag("vix/MemoryAir")<MemoryAir, {
  /** Hears all that is said to a port, our own words included, until the scope closes. */
  readonly listen: (port: number, hear: Hear) => Effect.Effect<void, never, Scope.Scope>
  /** Says something, from the address of a host, to all that listen on a port. */
  readonly say: (port: number, datagram: Uint8Array, host: string) => void
}>() {}

/** Air that nobody listens to yet. @since 0.1.0 */
export const make = (): Context.Tag.Service<MemoryAir> => {
  const ears = new Map<number, Set<Hear>>()
  return {
    listen: (port, hear) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const there = ears.get(port) ?? new Set()
          ears.set(port, there.add(hear))
        }),
        () => Effect.sync(() => ears.get(port)?.delete(hear))
      ),
    say: (port, datagram, host) => {
      for (const hear of ears.get(port) ?? []) hear(datagram, host)
    }
  }
}

/** Air of its own for each build of the layer. @since 0.1.0 */
export const layer: Layer.Layer<MemoryAir> = Layer.sync(MemoryAir, make)
