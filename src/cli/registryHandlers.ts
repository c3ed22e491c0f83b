/** What a registry does when it is asked. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Endpoint from "../domain/Endpoint.js"
import type { RegistryLimits } from "../domain/RegistryLimits.js"
import type { Entry } from "../protocol/RegistryMessage.js"
import { RegistryStore, type StoreError } from "../services/RegistryStore.js"
import { type Announcement, Foreign, Full, HostFull, type RegistryApi, Unavailable } from "./registryApi.js"
import type { Untimed } from "./registryEvent.js"
import { announcement, hostOf } from "./registryRequest.js"

export interface Desk {
  readonly limits: RegistryLimits
  /** Whether what an address says of where a request comes from is believed. */
  readonly isTrusted: (address: string) => boolean
  readonly tell: (event: Untimed) => Effect.Effect<void>
}

const ok = { ok: true } as const

/** Everything that is asked of the list of nodes. */
export const layer = (api: RegistryApi, { isTrusted, limits, tell }: Desk) => {
  const asked = guarded(tell)

  const nodes = HttpApiBuilder.group(
    api,
    "nodes",
    (handlers) =>
      Effect.map(RegistryStore, (store) =>
        handlers
          .handle("peers", ({ request, urlParams: { limit = limits.listed } }) =>
            Effect.gen(function*() {
              const peers = yield* asked(store.list(Math.min(limit, limits.listedMost)))
              yield* tell({ ev: "pulled", host: yield* hostOf(request, isTrusted), entries: peers.length })
              return { peers }
            }))
          .handleRaw("announce", ({ request }) =>
            Effect.gen(function*() {
              const said = yield* announcement(request, limits.bodyBytes)
              const entry = entryOf(yield* hostOf(request, isTrusted), said)
              const verdict = yield* asked(store.put(entry))
              if (verdict === "host full") {
                return yield* new HostFull({
                  message: `this host has ${limits.entriesPerHost} nodes listed, as many as it may have`
                })
              }
              if (verdict === "full") {
                return yield* new Full({ message: `${limits.entries} nodes are listed` })
              }
              yield* tell({ ev: "announced", ...nodeOf(entry), added: verdict === "added" })
              return ok
            }))
          .handleRaw("leave", ({ request }) =>
            Effect.gen(function*() {
              const said = yield* announcement(request, limits.bodyBytes)
              const entry = entryOf(yield* hostOf(request, isTrusted), said)
              const verdict = yield* asked(store.remove(entry))
              if (verdict === "foreign") {
                return yield* new Foreign({
                  message: "another host announced this node; it alone may take it off"
                })
              }
              if (verdict === "removed") yield* tell({ ev: "left", ...nodeOf(entry) })
              return ok
            })))
  )

  const operation = HttpApiBuilder.group(
    api,
    "operation",
    (handlers) =>
      Effect.map(
        RegistryStore,
        (store) =>
          handlers.handle("health", () => Effect.map(asked(store.count), (entries) => ({ ...ok, entries })))
      )
  )

  return Layer.merge(nodes, operation)
}

/** Tells when the store is lost and when it is back, once each. */
const guarded = (tell: Desk["tell"]) => {
  let reachable = true
  const becomes = (now: boolean, detail: string) =>
    Effect.suspend(() => {
      if (reachable === now) return Effect.void
      reachable = now
      return tell({ ev: "store", reachable, detail })
    })
  return <A>(request: Effect.Effect<A, StoreError>): Effect.Effect<A, Unavailable> =>
    request.pipe(
      Effect.tap(() => becomes(true, "")),
      Effect.catchAll(({ message }) =>
        Effect.zipRight(
          becomes(false, message),
          new Unavailable({ message: "the list is out of reach for the moment" })
        )
      )
    )
}

const entryOf = (host: string, { key, node_id, tcp_port }: typeof Announcement.Type): Entry => ({
  node_id,
  host,
  tcp_port,
  ...(key === undefined ? {} : { key })
})

const nodeOf = ({ host, key, node_id, tcp_port }: Entry) => ({
  nodeId: node_id,
  endpoint: Endpoint.make(host, tcp_port).toString(),
  ...(key === undefined ? {} : { key })
})
