import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { command, type World } from "../../src/cli/simulate.js"
import type { Result } from "../../src/cli/simulateWork.js"
import * as Laws from "../../src/simulation/Laws.js"
import * as Run from "../../src/simulation/Run.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { type Happening, line as traceLine } from "../../src/simulation/Trace.js"
import { terminal, words } from "./standIns.js"

const small = "--nodes 2 --for 1s --calm 10s"
const base = Run.run({ ...Simulation.defaults, nodes: 2, forMillis: 1_000, seed: 7 })

/** A run that ended so. */
const ended = (seed: number, law?: Laws.Law): Run.Outcome => ({
  ...base,
  seed,
  hash: `${seed}`.repeat(64).slice(0, 64),
  verdict: law === undefined ? "passed" : law === "liveness" ? "liveness" : "safety",
  violation: law === undefined
    ? undefined
    : { law, text: `n1: it is broken in ${seed}`, atMicros: 500_000, nodes: ["n1"] }
})

/** Runs that are over at once. */
const over = (outcome: (settings: Simulation.Settings) => Run.Outcome): Partial<World> => ({
  steps: function*(settings) {
    return outcome(settings)
  }
})

/** Somebody who has the result of every seed at hand. */
const handy = (result: (seed: number) => Effect.Effect<Result>): Partial<World> => ({
  hire: () => Effect.succeed((seed, tell) => Effect.tap(result(seed), () => tell(`0.1 s n1 info  ${seed}`)))
})

const begin = (
  line: string,
  world: Partial<World> = {},
  options: Parameters<typeof terminal>[0] = {}
) =>
  Effect.gen(function*() {
    const { state, terminal: streams } = terminal(options)
    const signal = yield* Deferred.make<string>()
    const broken = yield* Deferred.make<string>()
    const fiber = yield* Effect.fork(command(words(line), {
      terminal: { ...streams, broken: Deferred.await(broken) },
      signalled: Deferred.await(signal),
      cores: 2,
      steps: Run.steps,
      hire: () => Effect.dieMessage("not given to this stand-in"),
      ...world
    }))
    return {
      state,
      exitCode: Fiber.join(fiber),
      signal: Deferred.succeed(signal, "SIGINT"),
      break: Deferred.succeed(broken, "EPIPE")
    }
  })

const outcome = (...given: Parameters<typeof begin>) =>
  Effect.gen(function*() {
    const { exitCode, state } = yield* begin(...given)
    return { exitCode: yield* exitCode, stdout: state.stdout, stderr: state.stderr }
  })

const objects = (stdout: string) =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

describe("one seed", () => {
  // Time of its own stands still here, so that how fast it went is not told.
  it.effect("tells what came of it", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* outcome(`${small} --seed 7`)
      assert.strictEqual(exitCode, 0)
      assert.strictEqual(stderr, "")
      const [n1, n2] = base.nodes
      assert.deepStrictEqual([n1?.counters.peers_connected, n2?.lives], [1, 1])
      assert.match(
        stdout,
        /^node {2}lives {2}total {2}connected {2}started {2}completed {2}attempts {2}deduped {2}failures {2}skips {2}tracked\nn1 {8}1 {6}1 {10}1 .*\nn2 .*\n\n/
      )
      assert.strictEqual(
        stdout.slice(stdout.indexOf("world")),
        `world    2 nodes, 1 s with faults, then calm
seed     7
time     ${base.worldMillis / 1_000} s of the world in 0 s
events   ${base.events}, and ${base.actions} actions
laws     ${Object.keys(Laws.laws).length}, checked ${base.checks} times
faults   none
mishaps  0
healed   all that may talk connected ${(base.healedMillis ?? 0) / 1_000} s after the faults
trace    sha256 ${base.hash}
PASS
`
      )
    }))

  it.effect("with --quiet says one line", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* outcome(`${small} --seed 7 --quiet`), {
        exitCode: 0,
        stdout:
          `seed=7 passed=1 failed=0 events=${base.events} actions=${base.actions} checks=${base.checks} world_millis=${base.worldMillis} trace=${base.hash}\n`,
        stderr: ""
      })
    }))

  it.effect("that nobody gave is printed", () =>
    Effect.gen(function*() {
      const { stderr, stdout } = yield* outcome(small, over(({ seed }) => ended(seed)))
      const [, seed = ""] = /^vix simulate: --seed (\d+)\n$/.exec(stderr) ?? []
      assert.include(stdout, `seed     ${seed}\n`)
    }))

  it.effect("with --events ndjson prints the trace, from which its hash can be had", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* outcome(`${small} --seed 7 --quiet --events ndjson`)
      assert.deepStrictEqual([exitCode, stderr], [0, ""])
      const all = objects(stdout)
      assert.deepStrictEqual(all.map(({ seq }) => seq), all.map((_, at) => at))
      const hash = createHash("sha256")
      for (const { atMicros, life, node, seq: _, t, v, ...event } of all.slice(0, -1)) {
        assert.deepStrictEqual([v, Date.parse(String(t))], [
          1,
          1_767_225_600_000 + Math.floor(Number(atMicros) / 1_000)
        ])
        hash.update(traceLine({ atMicros, life, node, event } as unknown as Happening))
      }
      const last = all.at(-1)
      assert.deepInclude(last, {
        ev: "simulation",
        seed: 7,
        verdict: "passed",
        hash: hash.digest("hex"),
        events: all.length - 1,
        command: "vix simulate --seed 7 --nodes 2 --for 1s --calm 10s"
      })
    }))

  it.effect("shows where it stands in a terminal, and takes that away", () =>
    Effect.gen(function*() {
      const { state, exitCode } = yield* begin("--nodes 4 --for 8s --seed 7", {}, { tty: true, columns: 120 })
      assert.strictEqual(yield* exitCode, 0)
      assert.match(
        state.stdout,
        /\[vix simulate\] [\d.]+ s of 8 s {2}pairs \d\/6 {2}faults none {2}laws checked \d+/
      )
      assert.match(state.stdout, /\u001b\[\?25hnode/)
      const dumb = yield* outcome(`${small} --seed 7`, {}, { tty: true, dumb: true })
      assert.notInclude(dumb.stdout, "\u001b")
    }))

  it.effect("tells what its nodes log", () =>
    Effect.gen(function*() {
      const { stderr } = yield* outcome(`${small} --seed 7 --log-level info`)
      assert.match(stderr, /^\d\.\d{6} s n[12] info {2}listening on 10\.0\.0\.[12]:9001, PeerId /)
      assert.match(stderr, / s n1 info {2}peer n2 \([0-9a-f]{16}…, trust any\) connected/)
      assert.notMatch(stderr, / debug /)
    }))

  it.effect("is drawn, if it can be written", () =>
    Effect.gen(function*() {
      const folder = mkdtempSync(join(tmpdir(), "vix-simulate-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const file = join(folder, "a.svg")
      assert.strictEqual((yield* outcome(`${small} --seed 7 --timeline ${file}`)).exitCode, 0)
      assert.match(readFileSync(file, "utf8"), /^<svg /)
      for (
        const [bad, why] of [
          [join(folder, "none", "a.svg"), "its folder does not exist"],
          [join(file, "a.svg"), "a part of its path is no folder"],
          [folder, "a folder has that name"]
        ]
      ) {
        const { exitCode, stderr } = yield* outcome(
          `--seed 7 --timeline ${bad}`,
          over(({ seed }) => ended(seed))
        )
        assert.strictEqual(exitCode, 1)
        assert.strictEqual(stderr, `vix simulate: --timeline "${bad}": cannot be written: ${why}\n`)
      }
    }).pipe(Effect.scoped))
})

describe("a failure", () => {
  const broken = (law: Laws.Law, ...needed: ReadonlyArray<string>) =>
    over(({ only = [], seed }) =>
      ended(seed, needed.every((kind) => only.some((fault) => fault.kind === kind)) ? law : undefined)
    )
  const line = "--seed 7 --nodes 3 --for 4s --crash 3 --delay 10 --loss 1%"

  it.effect.each([["one session", 30], ["liveness", 31]] as const)(
    "of the law %s ends with %i",
    ([law, code]) =>
      Effect.gen(function*() {
        const { exitCode, stdout } = yield* outcome(line, broken(law))
        assert.strictEqual(exitCode, code)
        assert.include(stdout, `FAIL ${law}: `)
        assert.include(stdout, "n1: it is broken in 7")
        assert.include(
          stdout,
          "\nAgain:\n  vix simulate --seed 7 --nodes 3 --for 4s --loss 1% --delay 10 --crash 3\n"
        )
        assert.match(stdout, /\nFAIL\n$/)
      })
  )

  it.effect("is repeated with the fewest faults", () =>
    Effect.gen(function*() {
      const { stdout } = yield* outcome(line, broken("peers", "delay", "crash"))
      assert.match(
        stdout,
        /\nOf 5 faults, it takes these:\n {2}2 {2}0s\.\.4s delay up to 10 ms\n {2}[345] {2}.* crash of .*\n {2}seed 7: peers at 0\.5 s: n1: it is broken in 7\nAgain:\n {2}vix simulate --seed 7 --nodes 3 --for 4s --loss 1% --delay 10 --crash 3 --keep 2,[345]\nFAIL\n$/
      )
    }))

  it.effect("is repeated without any faults and in less time, if it takes none", () =>
    Effect.gen(function*() {
      const { stdout } = yield* outcome(line, broken("peers"))
      assert.include(stdout, "\nIt takes no fault:\n")
      assert.match(stdout, /\nAgain:\n {2}vix simulate --seed 7 --nodes 3 --for 1000ms\nFAIL\n$/)
    }))

  it.effect("of which no fault can be left out says so", () =>
    Effect.gen(function*() {
      const { stdout } = yield* outcome("--seed 7 --delay 10", broken("peers", "delay"))
      assert.match(stdout, /\nNo fault of the 1 can be left out\.\nFAIL\n$/)
    }))

  it.effect("of a run that is not the same twice ends with 32, and says where they parted", () =>
    Effect.gen(function*() {
      let runs = 0
      const { exitCode, stdout } = yield* outcome("--seed 7 --nodes 2 --twice", {
        steps: function*({ seed }, { happening }) {
          const [first] = base.last
          if (first !== undefined) happening?.({ ...first, life: ++runs })
          return { ...ended(seed), hash: `${runs}` }
        }
      })
      assert.strictEqual(exitCode, 32)
      assert.match(stdout, /\ntwo runs of seed 7 parted at event 1: \d+ n\d 2 \{/)
      assert.match(stdout, /\nAgain:\n {2}vix simulate --seed 7 --nodes 2 --twice\nFAIL\n$/)
    }))

  it.effect("is none for a run that is the same twice", () =>
    Effect.map(outcome(`${small} --seed 7 --twice`), ({ exitCode }) => assert.strictEqual(exitCode, 0)))

  it.effect("is told on stderr where stdout has other uses", () =>
    Effect.gen(function*() {
      const quiet = yield* outcome(`${line} --quiet`, broken("peers"))
      assert.match(quiet.stdout, /^seed=7 passed=0 failed=1 .*\n$/)
      assert.include(quiet.stderr, "FAIL peers: ")
      const ndjson = yield* outcome(`${line} --events ndjson`, broken("peers"))
      const [result, ...more] = objects(ndjson.stdout)
      assert.lengthOf(more, 0)
      assert.deepInclude(result, { ev: "simulation", verdict: "safety", seed: 7 })
      assert.deepInclude(result?.["violation"], { law: "peers", atMicros: 500_000 })
      assert.include(ndjson.stderr, "It takes no fault:")
    }))
})

describe("many seeds", () => {
  const results = (laws: Readonly<Record<number, Laws.Law | "parted">>) =>
    handy((seed) => {
      const law = laws[seed]
      return Effect.succeed({
        outcome: ended(seed, law === "parted" ? undefined : law),
        parting: law === "parted" ? "at event 3" : undefined
      }).pipe(Effect.delay(seed % 2 === 0 ? 20 : 1))
    })

  it.live("come in their order, whoever is ready first", () =>
    Effect.gen(function*() {
      const { exitCode, stdout } = yield* outcome("--seeds 5 --seed 10 --events ndjson", results({}))
      assert.strictEqual(exitCode, 0)
      const all = objects(stdout)
      assert.deepStrictEqual(all.map(({ seed }) => seed), [10, 11, 12, 13, 14])
      assert.deepStrictEqual(all.map(({ seq }) => seq), [0, 1, 2, 3, 4])
    }))

  it.live("are added up, and the first that failed is told in full", () =>
    Effect.gen(function*() {
      const world = {
        ...over(({ seed }: Simulation.Settings) => ended(seed, "peers")),
        ...results({ 12: "liveness", 13: "peers", 14: "parted" })
      }
      const { exitCode, stderr, stdout } = yield* outcome("--seeds 5 --seed 10 --log-level info", world)
      assert.strictEqual(exitCode, 30)
      assert.match(
        stdout,
        /^seed 12: liveness at 0\.5 s: n1: it is broken in 12\nseed 13: peers at .*\nseed 14: two runs parted at event 3\nworld /
      )
      assert.include(stdout, "seeds    10 to 14: 2 passed, 3 failed: 12, 13, 14\n")
      assert.include(stdout, `events   ${(5 * base.events).toLocaleString("en-US")}, and `)
      assert.include(stdout, "FAIL liveness: ")
      assert.notInclude(stdout, "FAIL peers: ")
      assert.match(stdout, /\nNo fault of the 0 can be left out\.\nFAIL\n$/)
      assert.sameMembers(
        stderr.trimEnd().split("\n"),
        [10, 11, 12, 13, 14].map((seed) => `seed ${seed} 0.1 s n1 info  ${seed}`)
      )
    }))

  it.live("that were not the same twice end with 32, with a law that was broken beside them with its code", () =>
    Effect.gen(function*() {
      const parted = yield* outcome("--seeds 2 --seed 0 --twice", results({ 1: "parted" }))
      assert.strictEqual(parted.exitCode, 32)
      assert.include(
        parted.stdout,
        "two runs of seed 1 parted at event 3\nAgain:\n  vix simulate --seed 1 --twice\n"
      )
      const both = yield* outcome(
        "--seeds 2 --seed 0 --twice",
        {
          ...over(({ seed }: Simulation.Settings) => ended(seed)),
          ...results({ 0: "parted", 1: "liveness" })
        }
      )
      assert.strictEqual(both.exitCode, 31)
    }))

  it.live.each([["", 2], ["--jobs 3", 3], ["--jobs 64", 5]] as const)(
    "%s run side by side, but not more than there are",
    ([jobs, expected]) =>
      Effect.gen(function*() {
        let hired = 0
        const { exitCode } = yield* outcome(`--seeds 5 --seed 0 ${jobs}`, {
          hire: () =>
            Effect.sync(() => {
              hired++
              return (seed) => Effect.succeed({ outcome: ended(seed), parting: undefined })
            })
        })
        assert.strictEqual(exitCode, 0)
        assert.strictEqual(hired, expected)
      })
  )
})

describe("an early end", () => {
  const endless: Partial<World> = {
    steps: function*(settings) {
      const simulation = new Simulation.Simulation(settings)
      for (;;) yield { phase: "faults", simulation }
    },
    ...handy((seed) =>
      seed === 8 ? Effect.never : Effect.succeed({ outcome: ended(seed), parting: undefined })
    )
  }

  it.live("by a signal tells what is known, with 0", () =>
    Effect.gen(function*() {
      const { exitCode, signal, state } = yield* begin(`${small} --seed 7`, endless)
      yield* Effect.sleep(10)
      yield* signal
      assert.strictEqual(yield* exitCode, 0)
      assert.match(
        state.stdout,
        /\nso far {3}0 s of the world, 0 events, laws checked 0 times, none broken\nSTOPPED: SIGINT\n$/
      )
      const many = yield* begin(`${small} --seeds 3 --seed 7`, endless)
      yield* Effect.sleep(10)
      yield* many.signal
      assert.strictEqual(yield* many.exitCode, 0)
      assert.include(many.state.stdout, "seeds    7 to 9: 1 passed, none failed\n")
    }))

  it.live("after a failure keeps its code", () =>
    Effect.gen(function*() {
      const { exitCode, signal, state } = yield* begin(`${small} --seed 7 --crash 2`, {
        steps: function*(settings) {
          if (settings.only?.length === 2) return ended(7, "peers")
          const simulation = new Simulation.Simulation(settings)
          for (;;) yield { phase: "faults", simulation }
        }
      })
      while (!state.stdout.includes("Again:")) yield* Effect.sleep(5)
      yield* signal
      assert.strictEqual(yield* exitCode, 30)
      assert.match(state.stdout, /\nFAIL\n$/)
    }))

  it.live("comes when nobody reads the output any more", () =>
    Effect.gen(function*() {
      const run = yield* begin(`${small} --seed 7 --events ndjson`, endless)
      yield* run.break
      assert.strictEqual(yield* run.exitCode, 0)
    }))

  it.effect("by a defect is told with its cause, and ends with 70", () =>
    Effect.gen(function*() {
      const { exitCode, stderr } = yield* outcome(
        `${small} --seed 7`,
        over(() => {
          throw new RangeError("no such thing")
        })
      )
      assert.strictEqual(exitCode, 70)
      assert.match(
        stderr,
        /^vix simulate: a defect in this program; please report it\nRangeError: no such thing/
      )
    }))
})

it.effect("a reader that is slow is waited for", () =>
  Effect.gen(function*() {
    const { exitCode, state } = yield* begin(`${small} --seed 7 --quiet`, over(({ seed }) => ended(seed)))
    state.waiting = 1
    const fiber = yield* Effect.fork(exitCode)
    yield* TestClock.adjust(1_000)
    assert.isNull(fiber.unsafePoll())
    state.waiting = 0
    yield* TestClock.adjust(1_000)
    assert.strictEqual(yield* Fiber.join(fiber), 0)
  }))

it.effect("a line that is wrong is refused before anything starts, in events too if they are asked for", () =>
  Effect.gen(function*() {
    const { exitCode, stderr, stdout } = yield* outcome("--nodes 0 --for x --events ndjson")
    assert.strictEqual(exitCode, 1)
    assert.match(
      stderr,
      /^vix simulate: --nodes .+\nvix simulate: --for .+\nSee vix simulate --help\n$/
    )
    assert.deepStrictEqual(objects(stdout).map(({ ev, level, seq }) => [seq, ev, level]), [
      [0, "log", "error"],
      [1, "log", "error"]
    ])
  }))
