/** The HTTP server of a registry: its bounds, its routes, and what every answer has. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import type { RouteNotFound } from "@effect/platform/HttpServerError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { createServer, type Server } from "node:http"
import * as Endpoint from "../domain/Endpoint.js"
import type { RegistryLimits } from "../domain/RegistryLimits.js"
import { reasonOf } from "../internal/errno.js"
import type { RegistryStore } from "../services/RegistryStore.js"
import { TransportError } from "../services/Transport.js"
import { make as makeApi, type RegistryApi } from "./registryApi.js"
import { type Desk, layer as handlers } from "./registryHandlers.js"
import { hostOf } from "./registryRequest.js"

export interface Settings {
  readonly host: Option.Option<string>
  readonly port: number
  /** What stands before the paths that nodes ask for. */
  readonly base: "" | `/${string}`
}

/** Serves until the scope closes; returns the address it got. */
export const serve = (
  settings: Settings,
  desk: Desk
): Effect.Effect<Endpoint.Endpoint, TransportError, RegistryStore | Scope.Scope> =>
  Effect.gen(function*() {
    const server = createServer({
      maxHeaderSize: desk.limits.headBytes,
      headersTimeout: desk.limits.requestMillis,
      requestTimeout: desk.limits.requestMillis,
      connectionsCheckingInterval: desk.limits.requestMillis / 5,
      keepAliveTimeout: desk.limits.idleMillis
    })
    server.maxConnections = desk.limits.connections
    server.maxRequestsPerSocket = desk.limits.requestsPerConnection
    // Of a connection on which nothing moves, as when its answer is not read.
    server.timeout = desk.limits.requestMillis
    const api = makeApi(settings.base)
    yield* Layer.build(
      HttpApiBuilder.serve().pipe(
        Layer.provide([HttpApiSwagger.layer(), HttpApiBuilder.middlewareOpenApi(), answers(api, desk)]),
        Layer.provide(HttpApiBuilder.api(api).pipe(Layer.provide(handlers(api, desk)))),
        // A span would hold what nobody reads, and a request that its sender gave up is no error of ours.
        HttpMiddleware.withTracerDisabledWhen(() => true),
        Layer.locally(FiberRef.unhandledErrorLogLevel, Option.none()),
        Layer.provide([listen(server, settings, desk.limits), NodeHttpServer.layerContext])
      )
    )
    // An upgraded connection would be bound by none of these limits; the platform's handler is not needed.
    server.removeAllListeners("upgrade")
    const address = server.address()
    return typeof address === "object" && address !== null
      ? Endpoint.make(address.address, address.port)
      : wanted(settings)
  })

const wanted = ({ host, port }: Settings): Endpoint.Endpoint =>
  Endpoint.make(Option.getOrElse(host, () => "::"), port)

const listen = (
  server: Server,
  settings: Settings,
  { stopMillis }: RegistryLimits
): Layer.Layer<HttpServer.HttpServer, TransportError> =>
  Layer.scoped(
    HttpServer.HttpServer,
    Effect.gen(function*() {
      const { host, port } = settings
      const service = yield* NodeHttpServer.make(() => server, { port, host: Option.getOrUndefined(host) })
        .pipe(
          Effect.mapError(({ cause }) =>
            new TransportError({ reason: reasonOf(cause), endpoint: wanted(settings), cause })
          )
        )
      const run = yield* FiberSet.makeRuntime<never, void, never>()
      server.on(
        "error",
        (cause) => void run(Effect.logWarning("a newcomer could not be accepted", reasonOf(cause)))
      )
      // Runs before the server is closed, which waits for every connection.
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          const patience = setTimeout(() => server.closeAllConnections(), stopMillis)
          server.once("close", () => clearTimeout(patience))
        })
      )
      return service
    })
  )

/** What is added to every answer, and told of those that refuse. */
const answers = (api: RegistryApi, { isTrusted, limits, tell }: Desk) => {
  const finish: HttpApp.PreResponseHandler = (request, response) =>
    Effect.gen(function*() {
      const { method, url } = request
      const { status } = response
      if (status >= 400 && status !== givenUp) {
        const remote = Option.getOrElse(request.remoteAddress, () => "")
        const host = yield* Effect.orElseSucceed(hostOf(request, isTrusted), () => remote)
        yield* tell({ ev: "refused", host, method, path: url.slice(0, pathLength), status })
      }
      const later = status === 429 || status === 503 ? { "retry-after": `${limits.retryAfterSeconds}` } : {}
      return HttpServerResponse.setHeaders(response, { ...headers, ...later })
    })
  return HttpApiBuilder.middleware(
    api,
    (app: HttpApp.Default<RouteNotFound | HttpApiDecodeError>) =>
      Effect.zipRight(HttpApp.appendPreResponseHandler(finish), app).pipe(
        Effect.catchTags({
          RouteNotFound: () => Effect.succeed(notFound),
          HttpApiDecodeError: (error) => Effect.fail(inOneLine(error))
        }),
        Effect.tapDefect((cause) => Effect.logError("a request met a defect", cause))
      )
  )
}

const notFound = HttpServerResponse.unsafeJson(
  { _tag: "NotFound", message: "there is nothing here; /docs tells what is where" },
  { status: 404 }
)

const inOneLine = ({ issues, message }: HttpApiDecodeError): HttpApiDecodeError => {
  const texts = issues.map(({ message, path }) => [...path, message].join(": "))
  return new HttpApiDecodeError({ issues, message: texts.length > 0 ? texts.join("; ") : message })
}

const pathLength = 256

// What the platform calls a request whose sender has gone; nobody hears the answer.
const givenUp = 499

const headers = {
  "cache-control": "no-store",
  // The page for people holds its scripts and styles; nothing comes from elsewhere.
  "content-security-policy":
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff"
}
