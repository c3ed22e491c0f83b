import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import { Node } from "../../src/services/Node.js"
import type { Fault } from "../../src/simulation/Fault.js"
import type { Outcome } from "../../src/simulation/Run.js"
import * as Sim from "../../src/simulation/Sim.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import * as Trials from "../../src/simulation/Trials.js"

const world = { nodes: 3, for: "20 seconds", calm: "10 seconds" } as const

const run = (program: Sim.Program, options: Trials.Options = {}): Outcome =>
  Sim.run(Trials.settingsOf({ ...world, ...options }, 1), program)

const passes = (program: Sim.Program, options?: Trials.Options): Outcome => {
  const outcome = run(program, options)
  assert.isUndefined(outcome.violation, outcome.violation?.text)
  return outcome
}

const peersOf = (sim: Sim.Sim, name: string) =>
  sim.on(
    name,
    Effect.flatMap(Node, ({ peers }) =>
      Effect.map(peers, (all) =>
        all.filter(({ state }) => state === "Connected").map(({ nodeId }) => nodeId)))
  )

describe("a program beside a world", () => {
  it("runs things on nodes, at the time of the world", () =>
    passes((sim) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(sim.names, ["n1", "n2", "n3"])
        yield* sim.connected
        assert.deepStrictEqual((yield* peersOf(sim, "n2")).toSorted().map(String), ["n1", "n3"])
        const before = yield* Clock.currentTimeMillis
        yield* sim.on("n1", Effect.sleep("3 seconds"))
        assert.strictEqual((yield* Clock.currentTimeMillis) - before, 3_000)
        const error = yield* Effect.flip(sim.on("n1", Effect.fail("no" as const)))
        assert.strictEqual(error, "no")
      })
    ))

  it("exchanges messages by way of the nodes", () =>
    passes((sim) =>
      Effect.gen(function*() {
        yield* sim.connected
        const heard = yield* Effect.fork(
          sim.on("n2", Effect.flatMap(Node, ({ messages }) => Effect.flatten(Stream.runHead(messages))))
        )
        const id = yield* sim.on("n2", Effect.map(Node, ({ peerId }) => peerId))
        yield* sim.on("n1", Effect.flatMap(Node, (node) => node.send(id, "greeting", Uint8Array.of(1, 2, 3))))
        const { nodeId, payload } = yield* heard
        assert.strictEqual(`${nodeId}`, "n1")
        assert.deepStrictEqual([...payload], [1, 2, 3])
      })
    ))

  it("does damage that heals with the scope", () => {
    const { faults } = passes((sim) =>
      Effect.gen(function*() {
        yield* sim.connected
        yield* Effect.scoped(Effect.gen(function*() {
          yield* sim.partition("n1")
          yield* Effect.sleep("19 seconds")
          assert.deepStrictEqual((yield* peersOf(sim, "n1")).map(String), [])
          assert.deepStrictEqual((yield* peersOf(sim, "n2")).map(String), ["n3"])
        }))
        yield* sim.connected
      }), { for: "40 seconds" })
    const [fault] = faults
    assert.strictEqual(fault?.kind, "partition")
    assert.approximately((fault?.toMillis ?? 0) - (fault?.fromMillis ?? 0), 19_000, 1)
  })

  it.each(["crash", "restart"] as const)(
    "fails what runs on a node that goes down: %s",
    (kind) =>
      void passes((sim) =>
        Effect.gen(function*() {
          yield* sim.connected
          const sleeper = yield* Effect.fork(Effect.flip(sim.on("n2", Effect.sleep("1 hour"))))
          yield* Effect.sleep("1 second")
          yield* Effect.scoped(Effect.gen(function*() {
            yield* kind === "crash" ? sim.crash("n2") : sim.damage({ kind, host: "n2" })
            yield* Effect.sleep("1 second")
          }))
          assert.instanceOf(yield* sleeper, Sim.NodeDown)
          // It waits until the node is back.
          assert.strictEqual(yield* sim.on("n2", Effect.map(Node, ({ id }) => `${id}`)), "n2")
          yield* Effect.fork(sim.on("n3", Effect.sleep("1 hour")))
          yield* Effect.sleep("1 second")
        })
      )
  )

  it("waits while a node is frozen", () =>
    passes((sim) =>
      Effect.gen(function*() {
        yield* sim.connected
        const before = yield* Clock.currentTimeMillis
        yield* Effect.fork(
          Effect.scoped(
            Effect.zipRight(sim.damage({ kind: "freeze", host: "n1" }), Effect.sleep("5 seconds"))
          )
        )
        yield* Effect.sleep("1 second")
        yield* sim.on("n1", Effect.void)
        assert.isAtLeast((yield* Clock.currentTimeMillis) - before, 5_000)
      })
    ))

  it("may heal all before their time, and can do no damage after", () => {
    const always = { kind: "loss", fromMillis: 0, toMillis: 20_000, fraction: 0.9 } as const
    const { healedAtMillis } = passes((sim) => Effect.zipRight(Effect.sleep("2 seconds"), sim.heal), {
      given: [always]
    })
    assert.strictEqual(healedAtMillis, 2_000)
    const { violation } = run((sim) => Effect.zipRight(sim.calm, sim.crash("n1")))
    assert.include(violation?.text, "all faults have healed")
    assert.strictEqual(violation?.atMicros, 20_000_000)
  })

  it("ends the time of the faults when it is over, and is waited for in the calm", () => {
    assert.strictEqual(passes(() => Effect.sleep("5 seconds")).healedAtMillis, 5_000)
    const late = passes(() => Effect.sleep("26 seconds"))
    assert.strictEqual(late.healedAtMillis, 20_000)
    assert.isAtLeast(late.worldMillis, 26_000)
  })

  it("tells of no fault that came to nothing because all healed before", () => {
    const short: Fault = { kind: "delay", fromMillis: 100, toMillis: 400, millis: 5 }
    const long: Fault = { kind: "loss", fromMillis: 500, toMillis: 19_000, fraction: 0.1 }
    const none: Fault = { kind: "crash", fromMillis: 3_000, toMillis: 19_000, host: "n1", power: true }
    const given = [short, long, none]
    const came = [short, { ...long, toMillis: 1_000 }]
    assert.deepStrictEqual(passes(() => Effect.sleep("1 second"), { given }).faults, came)
    const early = (sim: Sim.Sim) => Effect.zipRight(Effect.sleep("1 second"), sim.heal)
    const late = run((sim) => Effect.zipRight(early(sim), Effect.delay(Effect.fail("late"), "5 seconds")), {
      given
    })
    assert.deepStrictEqual(late.faults, came)
    assert.strictEqual(late.healedAtMillis, 1_000)
    assert.deepStrictEqual(run(() => Effect.delay(Effect.fail("soon"), "1 second"), { given }).faults, given)
  })

  it("fails the run when it fails, with the place", () => {
    const { healedAtMillis, verdict, violation } = run(() => Effect.fail(new Error("not so")))
    assert.isUndefined(healedAtMillis)
    assert.strictEqual(verdict, "safety")
    assert.strictEqual(violation?.law, "program")
    assert.match(violation?.text ?? "", /^Error: not so\n\s+at .*Sim\.test\.ts/)
  })

  it("fails the run when it is interrupted, and says so", () => {
    const { violation } = run(() => Effect.interrupt)
    assert.strictEqual(violation?.law, "program")
    assert.include(violation?.text, "it was interrupted")
  })

  it("fails the run when it never sleeps, and is named", () => {
    const { violation } = run(() => Effect.yieldNow().pipe(Effect.repeat({ until: () => false })))
    assert.strictEqual(violation?.law, "rest")
    assert.match(violation?.text ?? "", /^program never rests: 100000 turns at 0 ms/)
  })

  it("cannot damage a registry that is not there", () => {
    const damage: Sim.Program = (sim) => sim.damage({ kind: "registry", mood: "gone" })
    assert.include(run(damage).violation?.text, "damage \"registry\": expected bootstrap too")
    passes(damage, { bootstrap: BootstrapConfig.defaults })
  })

  it("says so when it asks for a node that is not there", () => {
    for (
      const program of [
        (sim: Sim.Sim) => sim.on("n9", Effect.void),
        (sim: Sim.Sim) => sim.partition("n9"),
        (sim: Sim.Sim) => sim.damage({ kind: "freeze", host: "n9" })
      ]
    ) assert.include(run(program).violation?.text, "no node is called n9")
  })

  it.each<[string, string, Sim.Program]>([
    [
      "something outside the world",
      "nothing in the world can wake it; does it wait for a promise",
      () => Effect.promise(() => new Promise(() => {}))
    ],
    ["a time that is too late", "it sleeps", () => Effect.sleep("1 hour")],
    ["a node that is busy", "it waits for what runs on n1", (sim) => sim.on("n1", Effect.sleep("1 hour"))]
  ])("is told apart when it waits for %s", (_, words, program) => {
    const { violation } = run(program, { for: "1 second" })
    assert.strictEqual(violation?.law, "program")
    assert.include(violation?.text, words)
    assert.isAtMost(violation?.atMicros ?? 0, 12_000_000)
  })

  it("changes nothing in the world by looking on", () => {
    const options = { faults: "all", for: "10 seconds", calm: "60 seconds" } as const
    const sleeps = passes((sim) => sim.calm, options)
    const looks = passes((sim) =>
      Effect.zipRight(
        Effect.forkScoped(Effect.forever(Effect.sleep("70 millis"))),
        sim.calm
      ), options)
    assert.strictEqual(sleeps.hash, looks.hash)
  })
})

it("what fails in the world itself is a defect, not a lack of rest", () => {
  const simulation = new Simulation.Simulation(Trials.settingsOf(world, 1))
  simulation.world.after(5_000, () => {
    throw new Error("not foreseen")
  })
  assert.strictEqual(simulation.run(1_000), "stopped")
  assert.strictEqual(simulation.violation?.law, "no defect")
  assert.include(simulation.violation?.text, "not foreseen")
  simulation.close()
})

class Birth extends Context.Tag("test/Birth")<Birth, { readonly atMillis: number }>() {}

/** Knows when the life of its node began. */
const births = Layer.effect(
  Birth,
  Effect.zipRight(Node, Effect.map(Clock.currentTimeMillis, (atMillis) => ({ atMillis })))
)

const bornAt = (sim: Sim.Sim<Birth>, name: string) =>
  sim.on(name, Effect.map(Birth, ({ atMillis }) => atMillis))

it("an application is built in each life of a node, and lent to what runs there", () => {
  const outcome = Sim.run(Trials.settingsOf({ ...world, app: births }, 1), (sim) =>
    Effect.gen(function*() {
      yield* sim.connected
      const first = yield* bornAt(sim, "n1")
      assert.strictEqual(yield* bornAt(sim, "n1"), first)
      yield* Effect.scoped(sim.crash("n1"))
      assert.isAbove(yield* bornAt(sim, "n1"), first)
    }))
  assert.isUndefined(outcome.violation, outcome.violation?.text)
})

describe("an application that dies", () => {
  const layers: ReadonlyArray<readonly [string, Layer.Layer<never>]> = [
    ["a fiber", Layer.scopedDiscard(Effect.forkScoped(Effect.dieMessage("planted")))],
    [
      "a fiber in time",
      Layer.scopedDiscard(Effect.fork(Effect.delay(Effect.dieMessage("planted"), "3 seconds")))
    ],
    ["a finalizer", Layer.scopedDiscard(Effect.addFinalizer(() => Effect.dieMessage("planted")))]
  ]
  it.each(layers)("fails the run: %s", (_, app) => {
    const { violation } = run(({ calm }) => calm, { app })
    assert.strictEqual(violation?.law, "no defect")
    assert.match(violation?.text ?? "", /n[1-3] .*planted/)
  })

  it("passes if it says that it handles that, or catches it where it happens", () => {
    const dies = Effect.timeout(Effect.dieMessage("planted"), "1 second")
    const handled = Effect.withUnhandledErrorLogLevel(Effect.exit(dies), Option.none())
    const caught = Effect.fork(Effect.exit(Effect.dieMessage("planted")))
    passes(({ connected }) => connected, { app: Layer.effectDiscard(Effect.zipRight(handled, caught)) })
  })

  it("fails the program if it was asked to", () => {
    const dies = Effect.timeout(Effect.dieMessage("planted"), "1 second")
    assert.strictEqual(run((sim) => sim.on("n1", dies)).violation?.law, "program")
  })
})

it.live("trials find the first seed that fails, and the faults that matter", () =>
  Effect.gen(function*() {
    const program = (sim: Sim.Sim<Birth>) =>
      Effect.gen(function*() {
        const first = yield* Effect.forEach(sim.names, (name) => bornAt(sim, name))
        yield* sim.calm
        assert.deepStrictEqual(yield* Effect.forEach(sim.names, (name) => bornAt(sim, name)), first)
      })
    const options = { ...world, app: births, faults: ["loss", "crash", "delay"], seeds: 20 } as const
    const { kept, outcome, repeats, settings } = Option.getOrThrow(yield* Trials.find(options, program))
    assert.isTrue(repeats)
    assert.deepStrictEqual(outcome.faults.map(({ kind }) => kind), ["crash"])
    assert.strictEqual(kept?.length, 1)
    // What is kept by number is what is left, and stays kept.
    assert.deepStrictEqual(Trials.settingsOf({ ...options, keep: kept }, settings.seed).only, settings.only)
    const alone = { ...options, seeds: [settings.seed] }
    const again = Option.getOrThrow(yield* Trials.find({ ...alone, keep: kept }, program))
    assert.deepStrictEqual(again.kept, kept)
    assert.strictEqual(again.outcome.hash, outcome.hash)
    const more = Option.getOrThrow(yield* Trials.find({ ...alone, keep: [1, ...kept ?? []] }, program))
    assert.deepStrictEqual(more.kept, kept)
    assert.isTrue(Option.isNone(yield* Trials.find({ ...alone, keep: [] }, program)))
  }), 60_000)
