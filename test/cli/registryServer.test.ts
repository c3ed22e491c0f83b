import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { connect } from "node:net"
import type { Untimed } from "../../src/cli/registryEvent.js"
import { serve, type Settings } from "../../src/cli/registryServer.js"
import * as RegistryLimits from "../../src/domain/RegistryLimits.js"
import * as MemoryRegistryStore from "../../src/layers/MemoryRegistryStore.js"
import type { Entry } from "../../src/protocol/RegistryMessage.js"
import { RegistryStore, StoreError } from "../../src/services/RegistryStore.js"
import { ask, type Question } from "./http.js"

const key = "a1".repeat(32)
const announced = { node_id: "A", tcp_port: 9_001, cap: { proto: "2.0", transport: "tcp" } }

/** A registry on loopback, and what came of it. */
const start = (
  limits: Partial<RegistryLimits.RegistryLimits> = {},
  { store, ...settings }: Partial<Settings> & { readonly store?: RegistryStore["Type"] } = {}
) =>
  Effect.gen(function*() {
    const all = { ...RegistryLimits.defaults, ...limits }
    const events: Array<Untimed> = []
    const address = yield* serve(
      { host: Option.some("127.0.0.1"), port: 0, base: "", ...settings },
      {
        limits: all,
        isTrusted: (host) => host === "127.0.0.9",
        tell: (event) => Effect.sync(() => void events.push(event))
      }
    ).pipe(
      Effect.provideServiceEffect(
        RegistryStore,
        store ? Effect.succeed(store) : MemoryRegistryStore.make(all)
      )
    )
    const get = (path: string, question: Partial<Question> = {}) => ask(address, { path, ...question })
    return {
      address,
      events,
      get,
      post: (body: unknown, question: Partial<Question> = {}) =>
        get("/announce", { method: "POST", body, ...question }),
      leave: (body: unknown, question: Partial<Question> = {}) =>
        get("/announce", { method: "DELETE", body, ...question }),
      peers: Effect.map(
        get("/peers"),
        ({ json }) => (json as { readonly peers: ReadonlyArray<Entry> }).peers
      )
    }
  })

/** As a trusted proxy that speaks for a host. */
const proxied = (host: string) => ({ from: "127.0.0.9", headers: { "x-forwarded-for": host } })

describe("a registry", () => {
  it.scopedLive("answers as the original node expects it, and lists nodes with a key once", () =>
    Effect.gen(function*() {
      const { get, peers, post } = yield* start()
      assert.strictEqual((yield* get("/peers?limit=20")).text, "{\"peers\":[]}")
      const answer = yield* post(announced)
      assert.deepStrictEqual([answer.status, answer.text], [200, "{\"ok\":true}"])
      assert.strictEqual(
        (yield* get("/peers?limit=20")).text,
        "{\"peers\":[{\"node_id\":\"A\",\"host\":\"127.0.0.1\",\"tcp_port\":9001}]}"
      )
      yield* post({ ...announced, tcp_port: 1, key }, { from: "127.0.0.3" })
      yield* post({ ...announced, tcp_port: 2, key }, { from: "127.0.0.2" })
      assert.sameDeepMembers<unknown>([...(yield* peers)], [
        { node_id: "A", host: "127.0.0.1", tcp_port: 9_001 },
        { node_id: "A", host: "127.0.0.2", tcp_port: 2, key }
      ])
    }))

  it.scopedLive("takes a node off the list for the host that announced it alone", () =>
    Effect.gen(function*() {
      const { events, leave, peers, post } = yield* start()
      yield* post({ ...announced, key })
      const foreign = yield* leave({ ...announced, key }, { from: "127.0.0.2" })
      assert.strictEqual(foreign.status, 403)
      assert.deepStrictEqual(foreign.json, {
        _tag: "Foreign",
        message: "another host announced this node; it alone may take it off"
      })
      assert.lengthOf(yield* peers, 1)
      for (let time = 0; time < 2; time++) {
        assert.deepStrictEqual((yield* leave({ ...announced, key })).json, { ok: true })
      }
      assert.deepStrictEqual(yield* peers, [])
      assert.deepStrictEqual(events.filter(({ ev }) => ev === "announced" || ev === "left"), [
        { ev: "announced", nodeId: "A", endpoint: "127.0.0.1:9001", key, added: true },
        { ev: "left", nodeId: "A", endpoint: "127.0.0.1:9001", key }
      ])
    }))

  it.scopedLive("believes a trusted proxy alone of where a request comes from", () =>
    Effect.gen(function*() {
      const { get, peers, post } = yield* start()
      const said = [
        ["127.0.0.2", "10.0.0.1", "127.0.0.2"],
        ["127.0.0.9", "10.0.0.1", "10.0.0.1"],
        ["127.0.0.9", "6.6.6.6, 10.0.0.2", "10.0.0.2"],
        ["127.0.0.9", "10.0.0.3, 127.0.0.9", "10.0.0.3"],
        ["127.0.0.9", "10.0.0.4:5123", "10.0.0.4"],
        ["127.0.0.9", "[2001:DB8::1]:5123", "2001:db8::1"],
        ["127.0.0.9", "2001:db8::2", "2001:db8::2"],
        ["127.0.0.9", "::ffff:10.0.0.5", "10.0.0.5"],
        ["127.0.0.9", "127.0.0.9", "127.0.0.9"]
      ] as const
      for (const [from, header] of said) {
        assert.strictEqual(
          (yield* post(announced, { from, headers: { "x-forwarded-for": header } })).status,
          200
        )
      }
      const hosts = (yield* peers).map(({ host }) => host)
      assert.sameMembers(hosts, said.map(([, , host]) => host))
      for (const junk of ["unknown", "10.0.0.256", "example.com", "::1::", "[10.0.0.1]"]) {
        const { json, status } = yield* post(announced, proxied(junk))
        assert.strictEqual(status, 400)
        assert.deepInclude(json, { message: "expected addresses in X-Forwarded-For" })
      }
      assert.strictEqual((yield* get("/health")).text, `{"ok":true,"entries":${said.length}}`)
    }))

  it.scopedLive("has room for so many nodes of a host, and for so many in all", () =>
    Effect.gen(function*() {
      const { post } = yield* start({ entries: 3, entriesPerHost: 1 })
      assert.strictEqual((yield* post(announced, proxied("10.0.0.1"))).status, 200)
      const hostFull = yield* post({ ...announced, tcp_port: 1 }, proxied("10.0.0.1"))
      assert.deepInclude(hostFull, { status: 429 })
      assert.deepInclude(hostFull.headers, { "retry-after": "15" })
      assert.deepInclude(hostFull.json, { _tag: "HostFull" })
      // The host of the registry itself is bound by nothing but the whole.
      for (const tcp_port of [1, 2]) assert.strictEqual((yield* post({ ...announced, tcp_port })).status, 200)
      const full = yield* post({ ...announced, tcp_port: 3 })
      assert.deepInclude(full, { status: 503 })
      assert.deepInclude(full.headers, { "retry-after": "15" })
      assert.deepInclude(full.json, { _tag: "Full" })
      assert.strictEqual((yield* post(announced, proxied("10.0.0.1"))).status, 200)
    }))

  it.scopedLive("lists as many as are asked for, within bounds", () =>
    Effect.gen(function*() {
      const { events, get, post } = yield* start({ listed: 2, listedMost: 3 })
      for (let tcp_port = 1; tcp_port <= 5; tcp_port++) yield* post({ ...announced, tcp_port })
      const count = (path: string) =>
        Effect.map(get(path), ({ json }) => (json as { readonly peers: ReadonlyArray<unknown> }).peers.length)
      assert.deepStrictEqual(
        yield* Effect.forEach(["/peers", "/peers?limit=1", "/peers?limit=3&x=y", "/peers?limit=4000"], count),
        [2, 1, 3, 3]
      )
      assert.deepStrictEqual(events.at(-1), { ev: "pulled", host: "127.0.0.1", entries: 3 })
      for (const limit of ["0", "-1", "1.5", "NaN", "Infinity", "many", "", "1&limit=2"]) {
        const { json, status } = yield* get(`/peers?limit=${limit}`)
        assert.strictEqual(status, 400, limit)
        assert.match((json as { readonly message: string }).message, /^limit: \S/)
      }
    }))

  it.scopedLive("keeps what nodes ask for below its base path, and the rest at the top", () =>
    Effect.gen(function*() {
      const { get } = yield* start({}, { base: "/a/b" })
      const statuses = yield* Effect.forEach(
        ["/a/b/peers", "/peers", "/health", "/docs", "/openapi.json", "/a/b/health", "/a/b", "//"],
        (path) => Effect.map(get(path), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [200, 404, 200, 200, 200, 404, 404, 404])
      assert.strictEqual((yield* get("/a/b/announce", { method: "POST", body: announced })).status, 200)
      const { paths } = (yield* get("/openapi.json")).json as { readonly paths: object }
      assert.deepStrictEqual(Object.keys(paths), ["/a/b/peers", "/a/b/announce", "/health"])
      assert.deepStrictEqual((yield* get("/none")).json, {
        _tag: "NotFound",
        message: "there is nothing here; /docs tells what is where"
      })
    }))

  it.scopedLive("has a page for people that needs nothing from elsewhere", () =>
    Effect.gen(function*() {
      const { get } = yield* start()
      const { headers, text } = yield* get("/docs")
      assert.strictEqual(headers["content-type"], "text/html")
      assert.match(String(headers["content-security-policy"]), /^default-src 'none';/)
      assert.notMatch(text, /<(script|link|img|iframe)[^>]+(src|href)=/)
      assert.include(text, "SwaggerUIBundle")
    }))

  it.scopedLive("says when its store is gone and when it is back, once each, and refuses meanwhile", () =>
    Effect.gen(function*() {
      let gone = true
      const lost = new StoreError({ store: "here", cause: "gone" })
      const store = yield* MemoryRegistryStore.make(RegistryLimits.defaults)
      const answer = Effect.suspend(() => (gone ? lost : Effect.succeed(3)))
      const { events, get, post } = yield* start({}, { store: { ...store, count: answer, put: () => lost } })
      const down = yield* get("/health")
      assert.strictEqual(down.status, 503)
      assert.deepInclude(down.headers, { "retry-after": "15" })
      assert.deepStrictEqual(down.json, {
        _tag: "Unavailable",
        message: "the list is out of reach for the moment"
      })
      assert.strictEqual((yield* get("/health")).status, 503)
      assert.strictEqual((yield* post(announced)).status, 503)
      gone = false
      assert.deepStrictEqual((yield* get("/health")).json, { ok: true, entries: 3 })
      yield* get("/health")
      assert.strictEqual((yield* post(announced)).status, 503)
      assert.deepStrictEqual(events.filter(({ ev }) => ev === "store"), [
        { ev: "store", reachable: false, detail: "the store at here is out of reach (gone)" },
        { ev: "store", reachable: true, detail: "" },
        { ev: "store", reachable: false, detail: "the store at here is out of reach (gone)" }
      ])
    }))
})

describe("hostile requests", () => {
  it.scopedLive("come one behind the other on a connection as often as its limit says", () =>
    Effect.gen(function*() {
      const { address, get } = yield* start({ requestsPerConnection: 3 })
      const answers = yield* Effect.promise(async () => {
        let text = ""
        const socket = connect(address.port, address.host)
        socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk)).on("error", () => {})
        socket.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000))
        await once(socket, "close")
        return text.match(/HTTP\/1\.1 \d+/g)
      })
      assert.deepStrictEqual(answers?.filter((line) => line.endsWith("200")), Array(3).fill("HTTP/1.1 200"))
      assert.strictEqual((yield* get("/health")).status, 200)
    }))

  const wrong: ReadonlyArray<readonly [body: unknown, message: RegExp]> = [
    ["", /JSON/],
    ["junk", /JSON/],
    ["{\"node_id\":\"A\",\"tcp_port\":9001", /JSON/],
    [new Uint8Array([0xff, 0xfe]), /^expected UTF-8$/],
    ["[]", /Announcement/],
    ["null", /Announcement/],
    ["1e999", /Announcement/],
    ["{\"__proto__\":{\"node_id\":\"A\",\"tcp_port\":1}}", /^node_id: is missing; tcp_port: is missing$/],
    [{ tcp_port: 1 }, /^node_id: is missing$/],
    [{ node_id: "", tcp_port: 1 }, /^node_id: expected 1 to 64 bytes of UTF-8$/],
    [{ node_id: "x".repeat(65), tcp_port: 1 }, /^node_id: expected 1 to 64 bytes of UTF-8$/],
    [{ node_id: "\u001b[31m", tcp_port: 1 }, /^node_id: expected no control or format characters, /],
    [{ node_id: "a\u202eb", tcp_port: 1 }, /^node_id: expected no control or format characters, /],
    [{ node_id: " a", tcp_port: 1 }, /^node_id: expected no white space at the ends$/],
    ["{\"node_id\":\"\\ud800\",\"tcp_port\":1}", /^node_id: expected valid Unicode$/],
    [{ node_id: ["A"], tcp_port: 1 }, /^node_id: /],
    ...[0, 65_536, -1, 1.5, "80", null, [1], 1e300].map((tcp_port) =>
      [{ node_id: "A", tcp_port }, /^tcp_port: /] as const
    ),
    ["{\"node_id\":\"A\",\"tcp_port\":1e999}", /^tcp_port: /],
    ...["", "zz".repeat(32), key.toUpperCase(), key.slice(1), null, 5].map((bad) =>
      [{ ...announced, key: bad }, /^key: /] as const
    ),
    [{ ...announced, cap: "tcp" }, /^cap: /],
    [{ node_id: "\n", tcp_port: "80", key: "zz" }, /^node_id: .+; tcp_port: .+; key: .+$/]
  ]

  it.scopedLive("are refused with 400 and every mistake in one line, and leave no entry", () =>
    Effect.gen(function*() {
      const { leave, peers, post } = yield* start()
      for (const [body, message] of wrong) {
        for (const send of [post, leave]) {
          const { json, status } = yield* send(body)
          const said = json as { readonly _tag: string; readonly message: string }
          assert.deepStrictEqual([status, said._tag], [400, "HttpApiDecodeError"], String(body))
          assert.match(said.message, message)
          assert.notMatch(said.message, /\n/)
        }
      }
      assert.deepStrictEqual(yield* peers, [])
    }))

  it.scopedLive("of any JSON at all are taken or refused, and never a defect", () =>
    Effect.gen(function*() {
      const { events, post } = yield* start()
      const loose = fc.record({ node_id: fc.jsonValue(), tcp_port: fc.jsonValue(), key: fc.jsonValue() }, {
        requiredKeys: []
      })
      for (const body of fc.sample(fc.oneof(fc.json(), loose), 200)) {
        assert.include([200, 400], (yield* post(body)).status, JSON.stringify(body))
      }
      assert.isFalse(events.some((event) => event.ev === "refused" && event.status >= 500))
    }))

  it.scopedLive("may say what they like of their type, and what they like beside", () =>
    Effect.gen(function*() {
      const { peers, post } = yield* start()
      for (
        const type of [
          "text/plain",
          "application/x-www-form-urlencoded",
          "multipart/form-data; boundary=x",
          ";"
        ]
      ) {
        assert.strictEqual((yield* post(announced, { headers: { "content-type": type } })).status, 200, type)
      }
      const beside = { ...announced, host: "6.6.6.6", x: { y: [] }, cap: { a: 1, b: null } }
      assert.strictEqual((yield* post(beside)).status, 200)
      assert.deepStrictEqual<unknown>(yield* peers, [{ node_id: "A", host: "127.0.0.1", tcp_port: 9_001 }])
    }))

  it.scopedLive("with a body of 32 MB are refused with 413 and cost no memory", () =>
    Effect.gen(function*() {
      const { get, post } = yield* start()
      const body = new Uint8Array(32 * 1_024 * 1_024)
      const before = process.memoryUsage.rss()
      for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
        const { json, status } = yield* post(body, { headers })
        assert.strictEqual(status, 413)
        assert.deepStrictEqual(json, { _tag: "BodyTooLarge", message: "expected at most 4096 bytes" })
      }
      assert.isBelow(process.memoryUsage.rss() - before, 64 * 1_024 * 1_024)
      assert.strictEqual((yield* get("/health")).status, 200)
    }))

  it.scopedLive("with other methods, paths and heads are refused", () =>
    Effect.gen(function*() {
      const { get } = yield* start()
      const statuses = yield* Effect.forEach(
        [
          { method: "PUT", path: "/announce" },
          { method: "GET", path: "/announce" },
          { method: "OPTIONS", path: "/peers" },
          { method: "PROPFIND", path: "/peers" },
          { path: "/%zz" },
          { path: `/${"x".repeat(4_000)}` },
          { path: "/peers", headers: { "x-long": "x".repeat(10_000) } },
          { path: "/peers", headers: { upgrade: "websocket", connection: "upgrade" } }
        ],
        (question) => Effect.map(get("", question), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [404, 404, 404, 404, 404, 404, 431, 200])
    }))

  it.scopedLive("that are cut off or never come to an end hold nobody up", () =>
    Effect.gen(function*() {
      const { address, get } = yield* start({ requestMillis: 500, idleMillis: 500 })
      const began = yield* Clock.currentTimeMillis
      const ends = yield* Effect.forEach(
        [
          "",
          "GET /peers HTTP/1.1\r\n",
          "POST /announce HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{",
          `POST /announce HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n${"x".repeat(9_000)}`,
          "POST /announce HTTP/1.1\r\nhost: a\r\nupgrade: x\r\nconnection: upgrade\r\ncontent-length: 9\r\n\r\n{",
          "GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
        ],
        (text) =>
          Effect.promise(async () => {
            const socket = connect(address.port, address.host)
            socket.on("error", () => {})
            socket.write(text)
            socket.resume()
            await once(socket, "close")
          }),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(ends, 6)
      assert.isBelow((yield* Clock.currentTimeMillis) - began, 10_000)
      assert.strictEqual((yield* get("/health")).status, 200)
    }))
})

describe("the end of a registry", () => {
  it.live("comes at once, whatever is still open, and the port is free", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { address, get } = yield* Scope.extend(start({ stopMillis: 50 }), scope)
      const socket = connect(address.port, address.host)
      yield* Effect.promise(() => once(socket, "connect"))
      socket.write("POST /announce HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
      socket.on("error", () => {}).resume()
      yield* get("/health")
      const closed = Effect.promise(() => once(socket, "close"))
      yield* Effect.zip(Scope.close(scope, Exit.void), closed, { concurrent: true })
      yield* Effect.scoped(start({}, { port: address.port }))
    }))

  it.scopedLive("is told with a reason where it could not begin", () =>
    Effect.gen(function*() {
      const { address } = yield* start()
      const taken = yield* Effect.either(start({}, { port: address.port }))
      assert.deepStrictEqual(
        Either.getLeft(taken).pipe(Option.map(({ reason }) => reason)),
        Option.some("PortInUse")
      )
    }))
})
