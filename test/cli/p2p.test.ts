import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { run, type World } from "../../src/cli/p2p.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { Reason } from "../../src/domain/Reason.js"
import { Stats } from "../../src/services/Stats.js"
import { TransportError } from "../../src/services/Transport.js"
import { connected, key, minimal, node, parsed, terminal, words } from "./standIns.js"

/** A run that has begun. */
const begin = (line: string, world: Partial<World> = {}) =>
  Effect.gen(function*() {
    const invocation = parsed(line)
    const { state, terminal: streams } = terminal()
    const signal = yield* Deferred.make<string>()
    const { events, layer, messages } = node(invocation.node)
    const running = yield* Deferred.make<Stats["Type"]>()
    const fiber = yield* Effect.fork(
      run(invocation, {
        node: () =>
          Layer.tap(layer, (context) => Deferred.succeed(running, context.unsafeMap.get(Stats.key))),
        terminal: { ...streams, ...world.terminal },
        signalled: Deferred.await(signal),
        ...world
      })
    )
    yield* TestClock.adjust(0)
    return {
      events,
      messages,
      stats: Deferred.await(running),
      state,
      /** The exit code, which must be there without more time. */
      exitCode: Effect.flatMap(TestClock.adjust("100 millis"), () => Fiber.join(fiber)),
      over: Effect.sync(() => fiber.unsafePoll() !== null),
      signal: (name: string) => Effect.zipRight(Deferred.succeed(signal, name), TestClock.adjust(0)),
      lines: () =>
        state.stdout.trimEnd().split("\n").map((text) => JSON.parse(text) as Record<string, unknown>)
    }
  })

const failing = (reason: Reason) => () =>
  Layer.fail(new TransportError({ reason, endpoint: Endpoint.make("0.0.0.0", 9_001) }))

describe("a run", () => {
  it.effect("prints stats from its start, and at the end of --run the Final block and bye", () =>
    Effect.gen(function*() {
      const { exitCode, over, state } = yield* begin(`${minimal} --run 1.5`)
      yield* TestClock.adjust("1499 millis")
      assert.isFalse(yield* over)
      assert.lengthOf(state.stdout.match(/^\[vix p2p\] peers_total=0 /gm) ?? [], 2)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* exitCode, 0)
      assert.match(state.stdout, /\nFinal\n( {2}\w+=\d+\n){9}bye\n$/)
      assert.match(state.stderr, /info {2}listening on 127\.0\.0\.1:9001, PeerId a1a1/)
    }))

  it.effect("goes on without --run and with --run 0, until a signal", () =>
    Effect.gen(function*() {
      for (const line of [`${minimal} --stats-every 3600000`, `${minimal} --stats-every 3600000 --run 0`]) {
        const { exitCode, over, signal, state } = yield* begin(line)
        yield* TestClock.adjust("2 hours")
        assert.isFalse(yield* over)
        yield* signal("SIGINT")
        assert.strictEqual(yield* exitCode, 0)
        assert.lengthOf(state.stdout.match(/^bye$/gm) ?? [], 1)
      }
    }))

  it.effect("with --run and --quiet ends with one line", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin(`${minimal} --run 10 --quiet`)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* exitCode, 0)
      assert.match(state.stdout, /^peers_total=0( \w+=0){8}\n$/)
      assert.strictEqual(state.stderr, "")
    }))

  it.effect("shows at the end what was before the peers were closed", () =>
    Effect.gen(function*() {
      const { exitCode, signal, state, stats } = yield* begin(`${minimal} --quiet`)
      ;(yield* stats).setPeers(3, 2)
      yield* signal("SIGTERM")
      assert.strictEqual(yield* exitCode, 0)
      assert.match(state.stdout, /^peers_total=3 peers_connected=2 /)
    }))

  it.effect("that is told to stop before it listens ends like any other", () =>
    Effect.gen(function*() {
      const { exitCode, lines, signal } = yield* begin(`${minimal} --events ndjson`, {
        node: () => Layer.effectContext(Effect.never)
      })
      yield* signal("SIGINT")
      assert.strictEqual(yield* exitCode, 0)
      assert.deepStrictEqual(lines().map(({ ev }) => ev), ["stopping", "final"])
      assert.deepInclude(lines()[0], { cause: "SIGINT" })
    }))

  it.effect("tells every event in order, those of its end included", () =>
    Effect.gen(function*() {
      const { events, exitCode, lines, messages, signal } = yield* begin(`${minimal} --events ndjson`)
      events.publish(connected)
      messages.publish({
        from: key,
        nodeId: parsed("--id B --listen 1").node.id,
        topic: "t",
        size: 1,
        payload: new Uint8Array([1])
      })
      yield* TestClock.adjust(0)
      yield* signal("SIGINT")
      assert.strictEqual(yield* exitCode, 0)
      const printed = lines()
      assert.deepStrictEqual(printed.map(({ seq }) => seq), printed.map((_, at) => at))
      assert.deepStrictEqual(printed.map(({ ev }) => ev), [
        "listening",
        "stats",
        "peer.state",
        "message",
        "stopping",
        "peer.state",
        "final"
      ])
      assert.deepInclude(printed.at(-2), { to: "Closed", reason: "Stopped" })
      assert.deepInclude(printed.at(-1), { exitCode: 0 })
    }))

  it.effect("says its notices once", () =>
    Effect.gen(function*() {
      const { exitCode, signal, state } = yield* begin(`${minimal} --registry http://127.0.0.1:8080 --tui on`)
      yield* signal("SIGINT")
      yield* exitCode
      assert.lengthOf(state.stderr.match(/--registry: not used without --bootstrap on/g) ?? [], 1)
      assert.lengthOf(state.stderr.match(/--tui on: stdout is no terminal/g) ?? [], 1)
    }))

  it.effect("whose reader has gone stops cleanly; one whose stdout fails says so", () =>
    Effect.gen(function*() {
      for (
        const [code, expected, error] of [["EPIPE", 0, ""], [
          "ENOSPC",
          1,
          "vix p2p: stdout cannot be written to (ENOSPC)\n"
        ]]
      ) {
        const { state, terminal: streams } = terminal()
        const { exitCode } = yield* begin(`${minimal} --quiet`, {
          terminal: { ...streams, broken: Effect.succeed(String(code)) }
        })
        assert.strictEqual(yield* exitCode, expected)
        assert.strictEqual(state.stderr, error)
      }
    }))
})

describe("a reader that is slow", () => {
  it.effect("is waited for, but not for ever", () =>
    Effect.gen(function*() {
      const { over, state } = yield* begin(`${minimal} --run 1`)
      state.waiting = 1
      yield* TestClock.adjust("10 seconds")
      assert.isFalse(yield* over)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(yield* over)
    }))

  it.effect("is not waited for after a signal, in the middle of the wait either", () =>
    Effect.gen(function*() {
      const { exitCode, over, signal, state } = yield* begin(`${minimal} --run 1`)
      state.waiting = 1
      yield* TestClock.adjust("5 seconds")
      assert.isFalse(yield* over)
      yield* signal("SIGINT")
      assert.strictEqual(yield* exitCode, 0)
    }))
})

describe("a node that cannot listen", () => {
  it.effect.each<readonly [string, Reason, string]>([
    ["", "PortInUse", "port 9001 is in use: try another, or `lsof -i :9001`"],
    ["", "PermissionDenied", "cannot listen on port 9001: this user may not; try a port from 1024 on"],
    [
      "--bind 10.1.2.3",
      "AddressNotAvailable",
      "cannot listen on 10.1.2.3, port 9001: this host does not have that address; leave --bind out or give another"
    ],
    [
      "--bind nowhere.invalid",
      "NameNotFound",
      "cannot listen on nowhere.invalid, port 9001: the name has no address; check its spelling"
    ]
  ])("%s: %s", ([options, reason, message]) =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin(`${minimal} ${options} --log-level off`, {
        node: failing(reason)
      })
      assert.strictEqual(yield* exitCode, 3)
      assert.strictEqual(state.stderr, `vix p2p: ${message}\n`)
      assert.strictEqual(state.stdout, "")
    }))

  it.effect("says so in events too", () =>
    Effect.gen(function*() {
      const { exitCode, lines } = yield* begin(`${minimal} --events ndjson`, { node: failing("PortInUse") })
      assert.strictEqual(yield* exitCode, 3)
      const [error, stopping, final] = lines()
      assert.deepInclude(error, { seq: 0, ev: "log", level: "error" })
      assert.deepInclude(stopping, { seq: 1, ev: "stopping", cause: "cannot listen" })
      assert.deepInclude(final, { seq: 2, ev: "final", exitCode: 3 })
    }))
})

describe("--wait-peers", () => {
  const line = `${minimal} --wait-peers 2 --wait-timeout 5`

  it.effect("ends the run as soon as they are connected", () =>
    Effect.gen(function*() {
      const { exitCode, over, stats } = yield* begin(line)
      ;(yield* stats).setPeers(1, 1)
      yield* TestClock.adjust("4 seconds")
      assert.isFalse(yield* over)
      ;(yield* stats).setPeers(2, 2)
      assert.strictEqual(yield* exitCode, 0)
    }))

  it.effect("fails after --wait-timeout", () =>
    Effect.gen(function*() {
      const { exitCode, state, stats } = yield* begin(line)
      ;(yield* stats).setPeers(1, 1)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* exitCode, 5)
      assert.include(state.stderr, "vix p2p: --wait-peers 2: 1 connected after 5 s\n")
      assert.match(state.stdout, /Final\n/)
    }))

  it.effect("fails after --run, if that is over sooner", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin(`${line} --run 2`)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* exitCode, 5)
      assert.include(state.stderr, "--wait-peers 2: 0 connected after 2 s")
    }))
})

describe("--ready-file", () => {
  const content = (port: number) => `{"port":${port},"peerId":"${key}"}\n`

  /** Runs something with a path in a folder of its own. */
  const inFolder = <A, E, R>(use: (file: string) => Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "vix-ready-"))),
      (folder) => use(join(folder, "ready.json")),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )

  it.effect("stands there whole while the node listens", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        const { exitCode, signal } = yield* begin(`${minimal} --ready-file ${file}`)
        assert.strictEqual(readFileSync(file, "utf8"), content(9_001))
        assert.deepStrictEqual(readdirSync(dirname(file)), ["ready.json"])
        yield* signal("SIGINT")
        assert.strictEqual(yield* exitCode, 0)
        assert.isFalse(existsSync(file))
      })
    ))

  it.effect("that a killed node has left is gone before the next one listens", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        writeFileSync(file, content(9_002))
        const { exitCode, signal } = yield* begin(`${minimal} --ready-file ${file}`, {
          node: () => Layer.effectContext(Effect.never)
        })
        assert.isFalse(existsSync(file))
        yield* signal("SIGINT")
        assert.strictEqual(yield* exitCode, 0)
      })
    ))

  it.effect("is left where it is if it is that of another node by then", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        const { exitCode, signal } = yield* begin(`${minimal} --ready-file ${file}`)
        writeFileSync(file, content(9_002))
        yield* signal("SIGINT")
        assert.strictEqual(yield* exitCode, 0)
        assert.strictEqual(readFileSync(file, "utf8"), content(9_002))
      })
    ))

  const other = "something has that name that is no ready file; remove it or give another name"
  it.effect.each<readonly [string, (file: string) => void, string]>([
    ["a file of somebody's", (file) => writeFileSync(file, "notes\n"), other],
    ["a longer file", (file) => writeFileSync(file, content(9_002).repeat(100)), other],
    ["a link", (file) => symlinkSync("elsewhere", file), other],
    ["a pipe", (file) => execFileSync("mkfifo", [file]), other],
    ["a folder", (file) => mkdirSync(file), "a folder has that name"]
  ])(
    "in place of %s ends the run before it listens, and that stays",
    ([, put, why]) =>
      inFolder((file) =>
        Effect.gen(function*() {
          put(file)
          const identity = () => {
            const { ino, mtimeMs, size } = lstatSync(file)
            return { ino, mtimeMs, size }
          }
          const before = identity()
          const { exitCode, state } = yield* begin(`${minimal} --ready-file ${file}`, {
            node: () => Layer.die("must not start")
          })
          assert.strictEqual(yield* exitCode, 1)
          assert.strictEqual(state.stderr, `vix p2p: --ready-file "${file}": cannot be written: ${why}\n`)
          assert.deepStrictEqual(identity(), before)
        })
      )
  )

  it.effect("that cannot be written ends the run", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin(`${minimal} --ready-file /nowhere/at/all`)
      assert.strictEqual(yield* exitCode, 1)
      assert.match(
        state.stderr,
        /vix p2p: --ready-file "\/nowhere\/at\/all": cannot be written: its folder does not exist$/m
      )
    }))
})

describe("a defect", () => {
  it.effect("in the node ends the run with its cause", () =>
    Effect.gen(function*() {
      const { exitCode, state } = yield* begin(minimal, { node: () => Layer.die(new Error("a bug")) })
      assert.strictEqual(yield* exitCode, 70)
      assert.match(state.stderr, /a defect in this program; please report it\nError: a bug\n {4}at /)
      assert.notInclude(state.stdout, "Final")
    }))

  it.effect("that is logged goes to stderr, not to stdout", () =>
    Effect.gen(function*() {
      const { state } = yield* begin(minimal, {
        node: () =>
          Layer.effectContext(
            Effect.zipRight(
              Effect.annotateLogs(Effect.logError("a handler died", new Error("why")), "conn", 7),
              Effect.never
            )
          )
      })
      assert.match(state.stderr, /error a handler died .*why/s)
      assert.match(state.stderr, /conn=7/)
      assert.strictEqual(state.stdout, "")
    }))
})

it.effect("a line that is wrong is refused before anything starts, in events too if they are asked for", () =>
  Effect.gen(function*() {
    const { command } = yield* Effect.promise(() => import("../../src/cli/program.js"))
    const refused = (line: string) =>
      Effect.gen(function*() {
        const { state, terminal: streams } = terminal()
        const exitCode = yield* command(words(line), {
          node: () => Layer.die("must not start"),
          terminal: streams,
          signalled: Effect.never
        })
        return { exitCode, ...state }
      })
    const plain = yield* refused("--id A --listen x --bogus")
    assert.strictEqual(plain.exitCode, 1)
    assert.strictEqual(plain.stdout, "")
    assert.match(plain.stderr, /^vix p2p: --bogus: .*\nvix p2p: --listen "x": .*\nSee vix p2p --help\n$/)
    const events = yield* refused("--id A --listen x --events ndjson")
    const printed = events.stdout.trimEnd().split("\n").map((text) =>
      JSON.parse(text) as Record<string, unknown>
    )
    assert.deepStrictEqual(printed.map(({ ev, node, seq }) => [seq, node, ev]), [[0, "A", "log"], [
      1,
      "A",
      "final"
    ]])
    assert.deepInclude(printed[1], { exitCode: 1 })
  }))
