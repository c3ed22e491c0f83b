/**
 * The list of a registry that stands alone.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { networkOf } from "../domain/Admission.js"
import type { Entry } from "../protocol/RegistryMessage.js"
import { type Bounds, nameOf, RegistryStore, roomOf } from "../services/RegistryStore.js"

interface Listed {
  readonly entry: Entry
  readonly endsAtMillis: number
}

/** An empty store. @since 0.1.0 */
export const make = (bounds: Bounds): Effect.Effect<typeof RegistryStore.Service> =>
  Effect.sync(() => {
    // In the order of their ends, as all live equally long.
    const listed = new Map<string, Listed>()
    const ofNetwork = new Map<string, number>()

    const add = (name: string, entry: Entry, endsAtMillis: number): void => {
      listed.set(name, { entry, endsAtMillis })
      const network = networkOf(entry.host)
      ofNetwork.set(network, countOf(network) + 1)
    }
    const drop = (name: string): void => {
      const host = listed.get(name)?.entry.host
      if (host === undefined) return
      listed.delete(name)
      const network = networkOf(host)
      const left = countOf(network) - 1
      if (left > 0) ofNetwork.set(network, left)
      else ofNetwork.delete(network)
    }
    const countOf = (network: string): number => ofNetwork.get(network) ?? 0

    const now = Effect.map(Clock.currentTimeNanos, (nanos) => {
      const nowMillis = Number(nanos) / 1e6
      for (const [name, { endsAtMillis }] of listed) {
        if (endsAtMillis > nowMillis) break
        drop(name)
      }
      return nowMillis
    })

    return RegistryStore.of({
      put: (entry) =>
        Effect.map(now, (nowMillis) => {
          const name = nameOf(entry)
          const before = listed.get(name)?.entry
          const network = networkOf(entry.host)
          const moves = before === undefined || networkOf(before.host) !== network
          if (moves && countOf(network) >= roomOf(entry.host, bounds)) return "host full"
          if (before === undefined && listed.size >= bounds.entries) return "full"
          drop(name)
          add(name, entry, nowMillis + bounds.entryMillis)
          return before === undefined ? "added" : "refreshed"
        }),
      remove: (entry) =>
        Effect.map(now, () => {
          const name = nameOf(entry)
          const before = listed.get(name)?.entry
          if (before === undefined) return "absent"
          if (before.host !== entry.host) return "foreign"
          drop(name)
          return "removed"
        }),
      list: Effect.fnUntraced(function*(limit) {
        yield* now
        const entries = Array.from(listed.values(), ({ entry }) => entry)
        const chosen = Math.min(limit, entries.length)
        for (let at = 0; at < chosen; at++) {
          const other = at + Math.floor((yield* Random.next) * (entries.length - at))
          const [a, b] = [entries[at], entries[other]]
          if (a === undefined || b === undefined) break
          entries[at] = b
          entries[other] = a
        }
        return entries.slice(0, chosen)
      }),
      count: Effect.map(now, () => listed.size)
    })
  })

/** @since 0.1.0 */
export const layer = (bounds: Bounds): Layer.Layer<RegistryStore> => Layer.effect(RegistryStore, make(bounds))
