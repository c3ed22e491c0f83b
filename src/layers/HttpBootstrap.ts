/**
 * `Bootstrap` from a registry on HTTP. Whatever the registry does costs five seconds and a megabyte at most.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Limits } from "../domain/Limits.js"
import type * as OneShotHttp from "../internal/oneShotHttp.js"
import { type Registry, RegistryError } from "../internal/registry.js"
import * as Visits from "../internal/visits.js"
import * as RegistryMessage from "../protocol/RegistryMessage.js"
import { Bootstrap } from "../services/Bootstrap.js"
import { BootstrapConfig } from "../services/BootstrapConfig.js"
import type { Identity } from "../services/Identity.js"
import { NodeConfig } from "../services/NodeConfig.js"

/**
 * Visits the registry by an HTTP client, which must neither follow redirects nor decompress.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<
  Context.Tag.Service<Bootstrap>,
  never,
  HttpClient.HttpClient | BootstrapConfig | Identity | NodeConfig | Scope.Scope
> = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const { url } = yield* BootstrapConfig
  const { limits } = yield* NodeConfig
  return yield* Visits.make(registry(client, url, limits))
})

/** Visits it by a client of its own, with a connection for each request. @since 0.1.0 */
export const layerWith = (
  options: OneShotHttp.Options
): Layer.Layer<Bootstrap, never, BootstrapConfig | Identity | NodeConfig> =>
  Layer.scoped(
    Bootstrap,
    // Loaded only by a node that has a registry: it costs more than all the rest of the node.
    Effect.flatMap(
      Effect.promise(() => import("../internal/oneShotHttp.js")),
      (http) => Effect.provideService(make, HttpClient.HttpClient, http.make(options))
    )
  )

/** The same, with names looked up as the system does it. @since 0.1.0 */
export const layer: Layer.Layer<Bootstrap, never, BootstrapConfig | Identity | NodeConfig> = layerWith({})

const registry = (
  http: HttpClient.HttpClient,
  base: URL,
  limits: Limits
): Registry => {
  const { registryBytes, registryValues } = limits
  const client = HttpClient.withScope(http)
  const path = base.pathname.replace(/\/+$/, "")
  const peers = new URL(`${base.origin}${path}/peers`)
  const announce = new URL(`${base.origin}${path}/announce`)

  const send = <A>(
    request: HttpClientRequest.HttpClientRequest,
    decode: (body: Uint8Array) => Option.Option<A>
  ): Effect.Effect<A, RegistryError> =>
    client.execute(HttpClientRequest.accept(request, "application/json")).pipe(
      Effect.flatMap((response) =>
        isSuccess(response) ? read(response, registryBytes) : refused(response, limits)
      ),
      Effect.flatMap(decode),
      Effect.catchTags({
        NoSuchElementException: () => new RegistryError({ reason: "Malformed", serves: true }),
        RequestError: broken("Unreachable"),
        ResponseError: broken("Truncated")
      }),
      Effect.scoped
    )
  const body = (announcement: RegistryMessage.Announcement) => HttpClientRequest.bodyUnsafeJson(announcement)

  return {
    announce: (announcement) =>
      send(
        body(announcement)(HttpClientRequest.post(announce)),
        (answer) => RegistryMessage.isAcknowledged(answer) ? Option.some(undefined) : Option.none()
      ),
    peers: (limit) =>
      send(
        HttpClientRequest.get(peers, { urlParams: { limit } }),
        (answer) => RegistryMessage.entries(answer, registryValues)
      ),
    leave: (announcement) =>
      send(body(announcement)(HttpClientRequest.del(announce)), () => Option.some(undefined))
  }
}

const isSuccess = ({ status }: HttpClientResponse): boolean => status >= 200 && status < 300

/** Why a request was not served, and whether another one may be. */
const refused = (
  response: HttpClientResponse,
  { registryBytes, registryValues }: Limits
): Effect.Effect<never, RegistryError> =>
  Effect.gen(function*() {
    const { headers, status } = response
    const header = headers["retry-after"]
    const now = yield* Clock.currentTimeMillis
    const retryAfterMillis = header === undefined ? undefined : RegistryMessage.retryAfterMillis(header, now)
    // A registry that takes no announcements, or has no room for one, still names peers.
    const body = retryAfterMillis === undefined
      ? Option.none()
      : yield* Effect.option(read(response, registryBytes))
    const serves = retryAfterMillis === undefined ||
      Option.exists(body, (bytes) => RegistryMessage.isFull(bytes, registryValues))
    return yield* new RegistryError({
      reason: status >= 300 && status < 400 ? "Redirected" : "Refused",
      detail: `HTTP ${status}`,
      serves: status >= 400 && serves,
      ...(retryAfterMillis === undefined ? {} : { retryAfterMillis })
    })
  })

const read = (
  response: HttpClientResponse,
  maxBytes: number
): Effect.Effect<Uint8Array, RegistryError | HttpClientError> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  return Stream.runForEach(response.stream, (chunk) => {
    chunks.push(chunk)
    size += chunk.byteLength
    return size > maxBytes ? new RegistryError({ reason: "TooLarge" }) : Effect.void
  }).pipe(Effect.map(() => Buffer.concat(chunks)))
}

// The names and codes of undici's errors that tell more than that nothing came.
const unsound: Readonly<Record<string, RegistryError["reason"]>> = {
  HTTPParserError: "Malformed",
  ResponseContentLengthMismatchError: "Malformed",
  HeadersOverflowError: "TooLarge",
  ERR_SSL_WRONG_VERSION_NUMBER: "NotTls"
}

const broken = (reason: "Unreachable" | "Truncated") => ({ cause }: HttpClientError): RegistryError => {
  if (!(cause instanceof Error)) return new RegistryError({ reason })
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined
  return new RegistryError({
    reason: unsound[cause.name] ?? unsound[code ?? ""] ?? reason,
    ...(code === undefined ? {} : { detail: code })
  })
}
