/** Registries that hang, drip, lie and flood: each costs one request in its time and one report, and no more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { gzipSync } from "node:zlib"
import type { RegistryError } from "../../src/internal/registry.js"
import * as HttpBootstrap from "../../src/layers/HttpBootstrap.js"
import { join, type Options, type Party, story } from "../layers/bootstraps.js"
import { hostile, http, working } from "../layers/registries.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

type Answer = (socket: Socket) => void

const says = (text: string | Uint8Array): Answer => (socket) => void socket.end(text)
const json = (body: string): Answer => says(http("200 OK", body))
const ok = "HTTP/1.1 200 OK\r\n"
const megabyte = Buffer.alloc(1_048_576, " ")

/** Writes the same bytes again and again, as fast as they are taken. */
const floods = (head: string, part: Uint8Array, times: number): Answer => (socket) => {
  socket.write(head)
  let left = times
  const go = () => {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(part)) return socket.once("drain", go)
    return socket.end()
  }
  go()
}

/** Sends a text byte by byte. */
const drips = (head: string, text: string): Answer => (socket) => {
  socket.write(head)
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length] ?? " "), 10)
  socket.once("close", () => clearInterval(timer))
}

const table: ReadonlyArray<readonly [string, Answer, RegistryError["reason"]]> = [
  ["hangs", () => {}, "Timeout"],
  ["drips its head", drips("HTTP/1.1 200 OK\r\nx: ", "a"), "Timeout"],
  ["drips its body", drips(`${ok}\r\n`, " "), "Timeout"],
  ["says 100 Continue for ever", drips("", "HTTP/1.1 100 Continue\r\n\r\n"), "Unreachable"],
  ["closes at once", (socket) => socket.destroy(), "Unreachable"],
  ["resets", (socket) => socket.resetAndDestroy(), "Unreachable"],
  ["closes within its head", says("HTTP/1.1 200 OK\r\ncontent-"), "Unreachable"],
  ["closes within its body", says(`${ok}content-length: 100\r\n\r\n{"peers":`), "Truncated"],
  ["closes within a chunk", says(`${ok}transfer-encoding: chunked\r\n\r\n64\r\n{"peers":`), "Truncated"],
  ["fails", says(http("500 Internal Server Error", "{}")), "Refused"],
  ["is busy", says(http("503 Service Unavailable", "", ["retry-after: -1"])), "Refused"],
  ["is not there", says(http("404 Not Found", "<html>")), "Refused"],
  ["wants a password", says(http("401 Unauthorized", "", ["www-authenticate: Basic"])), "Refused"],
  ["has nothing to say", says("HTTP/1.1 204 No Content\r\n\r\n"), "Malformed"],
  ["says nothing", json(""), "Malformed"],
  ["redirects to a file", says(http("302 Found", "", ["location: file:///etc/passwd"])), "Redirected"],
  ["redirects to itself", says(http("301 Moved Permanently", "", ["location: /peers"])), "Redirected"],
  [
    "switches protocols",
    says("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "Unreachable"
  ],
  ["sends 100 MB", floods(`${ok}\r\n`, megabyte, 100), "TooLarge"],
  ["announces 100 MB", floods(`${ok}content-length: 104857600\r\n\r\n`, megabyte, 100), "TooLarge"],
  [
    "sends 100 MB in chunks",
    floods(
      `${ok}transfer-encoding: chunked\r\n\r\n`,
      Buffer.concat([Buffer.from("100000\r\n"), megabyte, Buffer.from("\r\n")]),
      100
    ),
    "TooLarge"
  ],
  [
    "names a million peers",
    floods(
      `${ok}\r\n{"peers":[`,
      Buffer.from(`{"node_id":"A","host":"127.0.0.1","tcp_port":9001},`.repeat(1_000)),
      1_000
    ),
    "TooLarge"
  ],
  ["sends heads for ever", floods(ok, Buffer.from(`x: ${"a".repeat(1_000)}\r\n`), 10_000), "TooLarge"],
  [
    "sends a bomb",
    says(
      Buffer.concat([Buffer.from(`${ok}content-encoding: gzip\r\n\r\n`), gzipSync(Buffer.alloc(50_000_000))])
    ),
    "Malformed"
  ],
  ["speaks SSH", says("SSH-2.0-OpenSSH_9.2\r\n"), "Malformed"],
  ["speaks in zeros", says(Buffer.alloc(1_000)), "Malformed"],
  ["speaks HTML", json("<!doctype html><title>It works!</title>"), "Malformed"],
  ["breaks off its JSON", json(`{"peers":[{"node_id":"A"`), "Malformed"],
  ["knows no numbers", json(`{"peers":[{"node_id":"A","host":"127.0.0.1","tcp_port":NaN}]}`), "Malformed"],
  ["has no list", json(`{"peers":{"length":1e9}}`), "Malformed"],
  ["is a list", json(`[{"node_id":"A","host":"127.0.0.1","tcp_port":9001}]`), "Malformed"],
  ["stacks brackets", json("[".repeat(1_000_000)), "Malformed"],
  ["is not text", says(Buffer.concat([Buffer.from(`${ok}\r\n`), Buffer.alloc(1_000, 0xff)])), "Malformed"],
  ["has two lengths", says(`${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`), "Malformed"]
]

const start = (url: URL, options: Options = {}) =>
  join(HttpBootstrap.layer, "A", {
    url,
    intervalMillis: 20,
    ...options,
    limits: { registryBackoffCapMillis: 40, registryRequestMillis: 5_000, ...options.limits }
  })

const reported = (party: Party, reason: string): boolean =>
  party.reports.every((report) => report.ev === "registry.error" && report.reason === reason)

describe("a hostile registry", () => {
  for (const [what, answer, reason] of table) {
    it.scopedLive(`that ${what} is left and met again`, () =>
      Effect.gen(function*() {
        const { most, requests, url } = yield* hostile(answer)
        const limits = reason === "Timeout" ? { registryRequestMillis: 200 } : {}
        const a = yield* start(url, { limits })
        yield* a.listen
        yield* a.until(({ reports }) => reports.length >= 3)
        assert.isTrue(reported(a, reason), story(a).join())
        assert.isAtLeast(requests(), 3)
        assert.strictEqual(most(), 1)
        assert.strictEqual(a.candidates.length, 0)
      }))

    it.scopedLive(`that ${what} takes no announcement`, () =>
      Effect.gen(function*() {
        const { url } = yield* hostile(answer)
        const limits = { registryLeaveMillis: 100, registryRequestMillis: reason === "Timeout" ? 200 : 5_000 }
        const a = yield* start(url, { limits })
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length >= 2)
        assert.isTrue(reported(a, reason), story(a).join())
      }))
  }

  it.scopedLive("does not send us to another", () =>
    Effect.gen(function*() {
      const other = yield* working()
      const { url } = yield* hostile(
        says(http("307 Temporary Redirect", "", [`location: ${other.url.href}peers`]))
      )
      const a = yield* start(url)
      yield* a.announce(9001)
      yield* a.until(({ reports }) => reports.length >= 3)
      assert.isTrue(reported(a, "Redirected"), story(a).join())
      assert.strictEqual(other.seen.length, 0)
    }))

  it.scopedLive("that has no key for https is not believed", () =>
    Effect.gen(function*() {
      const { url } = yield* working()
      url.protocol = "https:"
      const a = yield* start(url)
      yield* a.listen
      yield* a.until(({ reports }) => reports.length >= 2)
      assert.isTrue(reported(a, "NotTls"), story(a).join())
    }))

  it.scopedLive("spoils no entry but its own bad ones", () =>
    Effect.gen(function*() {
      const good = `{"node_id":"B","host":"127.0.0.1","tcp_port":9002}`
      const bad = [
        `{"node_id":"B","host":"127.0.0.1","tcp_port":1e999}`,
        `{"node_id":"B","host":"127.0.0.1","tcp_port":"80"}`,
        `{"node_id":"B","host":"http://127.0.0.1/","tcp_port":80}`,
        `{"__proto__":${good}}`,
        `{"node_id":"B","node_id":7,"host":"127.0.0.1","tcp_port":9002}`,
        `"${"a".repeat(100_000)}"`,
        `{"node_id":"B","host":"169.254.169.254","tcp_port":80}`,
        "null"
      ]
      const { url } = yield* hostile(json(`{"peers":[${[...bad, good].join()}],"__proto__":{"peers":[]}}`))
      const a = yield* start(url)
      yield* a.listen
      yield* a.until(({ candidates, reports }) => candidates.length > 0 && reports.length > 0)
      assert.deepStrictEqual(a.reports[0], {
        ev: "registry.ok",
        action: "pull",
        taken: 1,
        skipped: bad.length
      })
    }))

  it.scopedLive("that names 10,000 peers has 256 of them taken", () =>
    Effect.gen(function*() {
      const peers = Array.from(
        { length: 10_000 },
        (_, at) => `{"node_id":"B","host":"10.0.${at >> 8}.${at & 255}","tcp_port":1}`
      )
      const { url } = yield* hostile(json(`{"peers":[${peers.join()}]}`))
      const a = yield* start(url, { intervalMillis: 60_000 })
      yield* a.listen
      yield* a.until(({ candidates, reports }) => candidates.length === 256 && reports.length > 0)
      assert.deepStrictEqual(a.reports[0], { ev: "registry.ok", action: "pull", taken: 256, skipped: 9_744 })
    }))

  it.scopedLive("that floods costs ten megabytes at most", () =>
    Effect.gen(function*() {
      const flooding = table.filter(([, , reason]) => reason === "TooLarge")
      const parties: Array<Effect.Effect<void>> = []
      for (const [, answer] of flooding) {
        const { url } = yield* hostile(answer)
        parties.push(Effect.scoped(Effect.gen(function*() {
          const a = yield* start(url, { intervalMillis: 60_000 })
          yield* a.listen
          yield* a.until(({ reports }) => reports.length === 1)
          collect()
        })))
      }
      const all = Effect.all(parties, { discard: true })
      yield* Effect.repeatN(all, 2)
      const before = process.memoryUsage().rss
      yield* Effect.repeatN(all, 4)
      const grown = process.memoryUsage().rss - before
      assert.isAtMost(grown, 10_000_000)
    }))

  for (const protocol of ["http:", "https:"]) {
    it.scopedLive(`holds no connection of a node that has gone, over ${protocol}`, () =>
      Effect.gen(function*() {
        const { connections, url } = yield* hostile(() => {})
        url.protocol = protocol
        const become = (count: number) =>
          Effect.repeat(Effect.delay(Effect.void, 1), { until: () => connections() === count })
        yield* Effect.scoped(Effect.gen(function*() {
          const a = yield* start(url)
          yield* a.listen
          yield* become(1)
        }))
        yield* become(0)
      }))
  }
})
