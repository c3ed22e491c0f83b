import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import { Node } from "../../src/services/Node.js"
import type { Fault } from "../../src/simulation/Fault.js"
import type { Program } from "../../src/simulation/Sim.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import * as Trials from "../../src/simulation/Trials.js"
import { check, commandOf, itSim, type Options, type Task } from "../../src/simulation/vitest.js"
import { outcomeWith } from "./outcomes.js"

const world = { nodes: 2, for: "2 seconds", calm: "20 seconds" } as const

itSim("a test of a world passes", { ...world, seeds: 2 }, (sim) => sim.connected)

const file = { name: "test/chat.test.ts" }
const task: Task = { name: "it's all right", file, suite: { name: "the chat (new)", file } }

const seedsThatDeny = [3, 13]

itSim(
  "nodes may talk to each other unless their test says otherwise",
  { ...world, seeds: seedsThatDeny },
  (sim) =>
    Effect.gen(function*() {
      yield* sim.connected
      const peers = yield* sim.on("n1", Effect.flatMap(Node, (node) => node.peers))
      assert.deepStrictEqual(peers.map(({ nodeId, state }) => [nodeId, state]), [["n2", "Connected"]])
    })
)

/** What a test that fails is told. */
const told = (program: Program, options: Options = {}, environment: Record<string, string> = {}) =>
  check({ ...world, ...options }, program, task).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
    Effect.exit,
    Effect.map((exit) => Exit.isSuccess(exit) ? undefined : Cause.pretty(exit.cause))
  )

describe("a test that fails", () => {
  it.live("says what was broken, under which seed, and how to run that one alone", () =>
    Effect.gen(function*() {
      const text = yield* told(() => Effect.fail(new Error("not so")), { seeds: [5, 6] })
      assert.match(text ?? "", /^SimulationFailed: FAIL program: /)
      assert.include(text, "Error: not so")
      assert.include(text, "seed 5, ")
      assert.include(
        text,
        String.raw`VIX_SEED=5 npx vitest run test/chat.test.ts -t '^the chat \(new\) it'\''s all right$'`
      )
      assert.notInclude(text, "beside the world")
    }))

  it.live("says that it does not repeat, if it does not", () =>
    Effect.gen(function*() {
      let runs = 0
      const text = yield* told(() => Effect.suspend(() => Effect.fail(new Error(`run ${runs++}`))))
      assert.include(text, "something beside the world has a say")
    }))

  it.live("is narrowed down by what the environment says", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const program: Program = () =>
        Effect.clockWith((clock) => Effect.sync(() => void seen.push(clock.unsafeCurrentTimeMillis())))
      assert.isUndefined(yield* told(program, { seeds: 4 }))
      assert.strictEqual(seen.length, 4)
      assert.isUndefined(yield* told(program, { seeds: 4 }, { VIX_SEED: "17" }))
      assert.strictEqual(seen.length, 5)
      const text = yield* told((sim) => Effect.zipRight(sim.calm, Effect.fail("no")), { faults: "all" }, {
        VIX_SEED: "17",
        VIX_KEEP: "none"
      })
      assert.include(text, "seed 17, 2.000 s of the world")
      assert.include(text, "No fault had begun.")
      assert.include(yield* told(program, {}, { VIX_KEEP: "all" }), "VIX_KEEP")
      assert.match(text ?? "", /VIX_SEED=17 VIX_KEEP=none npx/)
    }))
})

describe("a test that cannot be made", () => {
  const gone: Fault = { kind: "registry", fromMillis: 0, toMillis: 1_000, mood: "gone" }
  const wrong: ReadonlyArray<readonly [string, Options, Record<string, string>]> = [
    ["seeds []: expected how many, 1 or more", { seeds: [] }, {}],
    ["seeds 1.5: expected how many, 1 or more", { seeds: 1.5 }, {}],
    ["nodes 0: expected a whole number", { nodes: 0 }, {}],
    ["faults \"registry\": expected bootstrap too", { faults: ["registry"] }, {}],
    ["faults \"registry\": expected bootstrap too", { given: [gone] }, {}],
    ["keep 99: seed 1 draws 0 faults", { keep: [99] }, {}],
    ["Expected an integer value but received \"abc\"", {}, { VIX_SEED: "abc" }],
    ["seed -1: expected a whole number", {}, { VIX_SEED: "-1" }],
    ["keep 999: seed 1 draws", { faults: "all" }, { VIX_SEED: "1", VIX_KEEP: "999" }],
    ["VIX_KEEP: expected VIX_SEED too", { faults: "all" }, { VIX_KEEP: "1" }]
  ]
  for (const [text, options, environment] of wrong) {
    it.live(`says so: ${text}`, () =>
      Effect.map(told((sim) => sim.connected, options, environment), (said) => assert.include(said, text)))
  }
})

it("all faults are those that can happen", () => {
  const kinds = (options: Options) => Trials.settingsOf({ ...options, faults: "all" }, 1).kinds
  assert.notInclude(kinds({}), "registry")
  assert.include(kinds({ bootstrap: BootstrapConfig.defaults }), "registry")
})

it("the command names the faults that are left", () => {
  const failing = { settings: { ...Simulation.defaults, seed: 3 }, outcome: outcomeWith(), repeats: true }
  const all = commandOf({ ...failing, kept: undefined }, { name: "works", file })
  assert.strictEqual(all, "VIX_SEED=3 npx vitest run test/chat.test.ts -t '^works$'")
  assert.match(commandOf({ ...failing, kept: [2, 5] }, task), /^VIX_SEED=3 VIX_KEEP=2,5 npx vitest run /)
  assert.match(commandOf({ ...failing, kept: [] }, task), /^VIX_SEED=3 VIX_KEEP=none npx vitest run /)
})
