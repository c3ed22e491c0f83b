/** The chat in simulated worlds: right under all of them, and a bug in it that a seed finds. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { Sim, Trials } from "vix/simulation"
import { itSim } from "vix/simulation/vitest"
import * as Chat from "./simulated-chat.js"

/** Everybody says something while the network is in trouble. In the end all have heard the same. */
const program = (sim: Sim.Sim<Chat.Chat>) =>
  Effect.gen(function*() {
    yield* sim.connected
    for (const name of sim.names) {
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 4_000))
      // Whoever says something and goes down may take it along.
      yield* Effect.ignore(sim.on(name, Effect.flatMap(Chat.Chat, (chat) => chat.say(`${name} was here`))))
    }
    yield* sim.calm
    yield* sim.connected
    yield* Effect.sleep("1 second")
    const [first, ...others] = yield* Effect.forEach(
      sim.names,
      (name) => sim.on(name, Effect.flatMap(Chat.Chat, (chat) => chat.heard))
    )
    for (const other of others) assert.deepStrictEqual(other, first)
  })

const world = { nodes: 4, for: "20 seconds", faults: "all" } as const

itSim("all hear the same", { ...world, seeds: 10, app: Chat.layer }, program)

it.live("a seed finds who forgets those that were away", () =>
  Effect.gen(function*() {
    const options = { ...world, seeds: 20, app: Chat.forgetful }
    const found = Option.getOrThrow(yield* Trials.find(options, program))
    assert.strictEqual(found.outcome.violation?.law, "program")

    // The same world does the same again.
    const again = Sim.run(found.settings, program)
    assert.strictEqual(again.hash, found.outcome.hash)
    assert.strictEqual(again.violation?.text, found.outcome.violation?.text)
  }), 300_000)
