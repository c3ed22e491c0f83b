import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as HttpBootstrap from "../../src/layers/HttpBootstrap.js"
import { contract } from "./Bootstrap.contract.js"
import { did, join, keyOf, type Options, story } from "./bootstraps.js"
import { hostile, http, working } from "./registries.js"

contract(
  "over HTTP",
  Effect.map(working(), ({ down, entries, up, url }) => ({
    layer: HttpBootstrap.layer,
    url,
    entries: Effect.sync(() => [...entries.values()]),
    down,
    up
  }))
)

const start = (url: URL, options: Options = {}) =>
  join(HttpBootstrap.layer, "A", { url, intervalMillis: 60_000, ...options })

describe("HttpBootstrap", () => {
  it.scopedLive("speaks as the protocol says, and keeps the base path", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* working("/some/base")
      for (const base of ["/some/base", "/some/base/", "/some/base//?query=1#hash"]) {
        seen.length = 0
        const announcing = yield* Scope.make()
        const a = yield* start(new URL(base, url), { limit: 7 })
        yield* Scope.extend(a.announce(9001), announcing)
        yield* a.until(did("pull"))
        yield* Scope.close(announcing, Exit.void)
        const body = `{"node_id":"A","tcp_port":9001,"cap":{"proto":"2.0","transport":"tcp"},"key":"${
          keyOf("A")
        }"}`
        assert.deepStrictEqual(seen.map(({ body, method, target }) => [method, target, body]), [
          ["POST", "/some/base/announce", body],
          ["GET", "/some/base/peers?limit=7", ""],
          ["DELETE", "/some/base/announce", body]
        ])
        for (const { headers } of seen) {
          assert.strictEqual(headers.connection, "close")
          assert.strictEqual(headers.accept, "application/json")
          assert.isUndefined(headers.traceparent)
        }
        assert.strictEqual(seen[0]?.headers["content-type"], "application/json")
      }
    }))

  it.scopedLive("sends no password, even if its address has one", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* working()
      url.username = "user"
      url.password = "secret"
      const a = yield* start(url)
      yield* a.listen
      yield* a.until(did("pull"))
      assert.notInclude(JSON.stringify(seen), "secret")
      assert.isUndefined(seen[0]?.headers.authorization)
    }))

  it.scopedLive("reads an answer that ends with the connection, as the original sends it", () =>
    Effect.gen(function*() {
      const { url } = yield* hostile((socket) =>
        socket.end(
          `HTTP/1.0 200 OK\r\n\r\n{"peers":[{"node_id":"B","host":"127.0.0.1","tcp_port":9002}]}`
        )
      )
      const a = yield* start(url)
      yield* a.listen
      yield* a.until(({ candidates }) => candidates.length === 1)
    }))

  it.scopedLive("leaves a registry alone for as long as it asks", () =>
    Effect.gen(function*() {
      for (const after of ["120", new Date(Date.now() + 125_000).toUTCString()]) {
        const { requests, url } = yield* hostile((socket) =>
          socket.end(http("503 Service Unavailable", "", [`retry-after: ${after}`]))
        )
        const a = yield* start(url, { intervalMillis: 1_000 })
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length === 1)
        const [report] = a.reports
        assert.isTrue(report?.ev === "registry.error" && report.retryInMillis >= 119_000)
        assert.isTrue(report?.ev === "registry.error" && report.retryInMillis <= 140_000)
        assert.deepStrictEqual([story(a), requests()], [["announce Refused"], 1])
      }
    }))

  it.scopedLive("asks for peers although its place is taken until later", () =>
    Effect.gen(function*() {
      for (const _tag of ["HostFull", "Full"]) {
        const { url } = yield* hostile((socket, request) =>
          socket.end(
            request.startsWith("POST")
              ? http("429 Too Many Requests", JSON.stringify({ message: "", _tag }), ["retry-after: 90"])
              : http("200 OK", `{"peers":[]}`)
          )
        )
        const a = yield* start(url, { intervalMillis: 1_000 })
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length === 2)
        assert.deepStrictEqual(story(a), ["announce Refused", "pull"])
        const [report] = a.reports
        assert.isTrue(report?.ev === "registry.error" && report.retryInMillis >= 90_000)
      }
    }))

  it.scopedLive("asks for peers although the registry takes no announcement, or has no room", () =>
    Effect.gen(function*() {
      for (const status of ["404 Not Found", "429 Too Many Requests", "503 Service Unavailable"]) {
        const { url } = yield* hostile((socket, request) =>
          socket.end(request.startsWith("POST") ? http(status, "") : http("200 OK", `{"peers":[]}`))
        )
        const a = yield* start(url)
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length === 2)
        assert.deepStrictEqual(story(a), ["announce Refused", "pull"])
      }
    }))
})
