import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { command, schema } from "../../src/cli/registry.js"
import { EventLine } from "../../src/cli/registryEvent.js"
import { ask } from "./http.js"
import { terminal, words } from "./standIns.js"

/** A registry at work in this process. */
const begin = (line: string) =>
  Effect.gen(function*() {
    const { state, terminal: streams } = terminal()
    const signal = yield* Deferred.make<string>()
    const broken = yield* Deferred.make<string>()
    const fiber = yield* Effect.fork(
      command(words(`--listen 0 --bind 127.0.0.1 ${line}`), {
        terminal: { ...streams, broken: Deferred.await(broken) },
        signalled: Deferred.await(signal)
      })
    )
    return {
      state,
      break: Deferred.succeed(broken, "EPIPE"),
      signal: Deferred.succeed(signal, "SIGINT"),
      exitCode: Fiber.join(fiber),
      /** Where it listens, as it says on a stream. */
      address: (name: "stdout" | "stderr") =>
        Effect.suspend(() => {
          const port = (/127\.0\.0\.1:(\d+)|"port":(\d+)/.exec(state[name]) ?? []).slice(1).find(Boolean)
          return port === undefined
            ? Effect.fail("not yet")
            : Effect.succeed({ host: "127.0.0.1", port: Number(port) })
        }).pipe(Effect.tapError(() => Effect.sleep(5)), Effect.retry({ times: 1_000 }), Effect.orDie)
    }
  })

const lines = (stdout: string) =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

const announcement = { node_id: "A", tcp_port: 9_001, key: "a1".repeat(32) }

describe("a run", () => {
  it.live("tells people on stderr what happens, and its counters on stdout at the end", () =>
    Effect.gen(function*() {
      const { address, exitCode, signal, state } = yield* begin("--log-level debug --base-path /vix")
      const at = yield* address("stderr")
      yield* ask(at, { path: "/vix/announce", method: "POST", body: announcement })
      yield* ask(at, { path: "/vix/announce", method: "POST", body: announcement })
      yield* ask(at, { path: "/vix/peers" })
      yield* ask(at, { path: "/peers" })
      yield* ask(at, { path: "/vix/announce", method: "DELETE", body: announcement })
      yield* signal
      assert.strictEqual(yield* exitCode, 0)
      assert.strictEqual(state.stdout, "Final\n  announces=2\n  leaves=1\n  pulls=1\n  refused=1\nbye\n")
      const texts = state.stderr.trimEnd().split("\n").map((line) => line.replace(/^\S+Z /, ""))
      assert.deepStrictEqual(texts, [
        `info  listening on 127.0.0.1:${at.port}, base path /vix, the list in memory; a page for people at /docs`,
        "info  node A at 127.0.0.1:9001 (a1a1a1a1a1a1a1a1…) is listed",
        "debug node A at 127.0.0.1:9001 (a1a1a1a1a1a1a1a1…) is listed on",
        "debug 127.0.0.1 was told of 1 nodes",
        "debug 127.0.0.1: GET /peers refused with 404",
        "info  node A at 127.0.0.1:9001 (a1a1a1a1a1a1a1a1…) left",
        "debug stopping: SIGINT"
      ])
    }))

  it.live("with --quiet says one line, at the end", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin("--quiet --run 0.1")
      assert.strictEqual(yield* exitCode, 0)
      assert.strictEqual(state.stdout, "announces=0 leaves=0 pulls=0 refused=0\n")
      assert.strictEqual(state.stderr, "")
    }))

  it.live("with --events ndjson tells every event, as its schema says", () =>
    Effect.gen(function*() {
      const { address, exitCode, signal, state } = yield* begin("--events ndjson --quiet")
      const at = yield* address("stdout")
      yield* ask(at, { path: "/announce", method: "POST", body: { ...announcement, node_id: "É" } })
      yield* ask(at, { path: "/\u007f%1b[31m", method: "GET" }).pipe(Effect.ignore)
      yield* ask(at, { path: "/%1b[31m", method: "POST", body: "" })
      yield* signal
      assert.strictEqual(yield* exitCode, 0)
      const events = lines(state.stdout)
      assert.deepStrictEqual(events.map(({ ev }) => ev), [
        "listening",
        "announced",
        "refused",
        "stopping",
        "final"
      ])
      assert.deepStrictEqual(events.map(({ seq }) => seq), [0, 1, 2, 3, 4])
      for (const event of events) Schema.decodeUnknownSync(EventLine)(event)
      assert.deepInclude(events[0], { v: 1, address: "127.0.0.1", port: at.port, base: "", store: "memory" })
      assert.deepInclude(events[1], { nodeId: "É", endpoint: "127.0.0.1:9001", added: true })
      assert.deepInclude(events[2], { host: "127.0.0.1", method: "POST", path: "/%1b[31m", status: 404 })
      assert.deepInclude(events[4], {
        counters: { announces: 1, leaves: 0, pulls: 0, refused: 1 },
        exitCode: 0
      })
    }))

  it.live("ends well when nobody reads its output any more", () =>
    Effect.gen(function*() {
      const run = yield* begin("--events ndjson")
      yield* run.address("stdout")
      yield* run.break
      assert.strictEqual(yield* run.exitCode, 0)
      assert.deepInclude(lines(run.state.stdout).at(-2), { ev: "stopping", cause: "stdout was closed" })
    }))

  it.live("without its Redis ends with 1 and says what to do, but no password", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin("--store redis://me:secret@127.0.0.1:1 --events ndjson")
      assert.strictEqual(yield* exitCode, 1)
      assert.match(
        state.stderr,
        /^vix registry: --store: the store at 127\.0\.0\.1:1 is out of reach \(.+\); start it first, or leave --store out\n$/
      )
      assert.deepStrictEqual(lines(state.stdout).map(({ ev }) => ev), ["log", "stopping", "final"])
      assert.notInclude(state.stderr + state.stdout, "secret")
    }))
})

it.live("a line that is wrong is refused before anything starts, in events too if they are asked for", () =>
  Effect.gen(function*() {
    const { exitCode, state } = yield* begin("--ttl 0 --limit x --events ndjson")
    assert.strictEqual(yield* exitCode, 1)
    assert.match(
      state.stderr,
      /^vix registry: --ttl .+\nvix registry: --limit .+\nSee vix registry --help\n$/
    )
    assert.deepStrictEqual(lines(state.stdout).map(({ ev, seq }) => [seq, ev]), [[0, "log"], [1, "log"], [
      2,
      "final"
    ]])
  }))

it("the schema of its lines names every event", () => {
  const text = schema()
  assert.property(JSON.parse(text), "anyOf")
  for (
    const ev of ["listening", "announced", "left", "pulled", "refused", "store", "log", "stopping", "final"]
  ) assert.include(text, `"${ev}"`)
})
