import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import { Process } from "../../src/simulation/Process.js"
import { Watcher } from "../../src/simulation/Watcher.js"
import { type Order, Restless, World } from "../../src/simulation/World.js"

const worldOf = (seed = 1, order: Order = "seeded") => {
  const world = new World({ seed, order })
  const process = (name: string) => new Process(world, name, world.chance.fork(name))
  return { world, process }
}

/** Who did what in a world of five fibers that yield to each other. */
const story = (seed: number, order: Order): string => {
  const { process, world } = worldOf(seed, order)
  const told: Array<string> = []
  for (const name of ["a", "b", "c", "d", "e"]) {
    process(name).run(
      Effect.forEach([1, 2, 3], (step) =>
        Effect.zipRight(
          Effect.sync(() => told.push(`${name}${step}`)),
          Effect.yieldNow()
        ))
    )
  }
  world.run(1_000)
  return told.join(" ")
}

describe("World", () => {
  it("moves its time only when every fiber rests", () => {
    const { process, world } = worldOf()
    const seen: Array<number> = []
    const look = Effect.sync(() => seen.push(world.nowMicros))
    process("a").run(
      Effect.zipRight(Effect.repeatN(Effect.zipRight(look, Effect.yieldNow()), 50), Effect.sleep(5))
    )
    process("b").run(
      Effect.zipRight(Effect.sleep(5), Effect.repeatN(Effect.zipRight(Effect.yieldNow(), look), 50))
    )
    assert.strictEqual(world.run(9_000), "reached")
    assert.deepStrictEqual([...new Set(seen)], [0, 5_000])
    assert.strictEqual(world.nowMicros, 9_000)
    assert.strictEqual(world.nowMillis, 9)
  })

  it("lets what happens at one time happen in the order of entry", () => {
    const { world } = worldOf()
    const told: Array<number> = []
    for (const number of [1, 2, 3]) world.after(10, () => told.push(number))
    world.after(5, () => world.after(5, () => told.push(4)))
    world.after(-7, () => told.push(0))
    world.run(10)
    assert.deepStrictEqual(told, [0, 1, 2, 3, 4])
  })

  it("draws the order of its fibers from the seed alone", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        assert.strictEqual(story(seed, "seeded"), story(seed, "seeded"))
      }),
      { numRuns: 20 }
    )
    const stories = new Set(Array.from({ length: 20 }, (_, seed) => story(seed, "seeded")))
    assert.isAbove(stories.size, 15)
    for (const one of stories) assert.sameMembers(one.split(" "), story(0, "fifo").split(" "))
  })

  it("lets whoever was ready first run first, where that is asked for", () => {
    assert.strictEqual(story(1, "fifo"), "a1 b1 c1 d1 e1 a2 b2 c2 d2 e2 a3 b3 c3 d3 e3")
    assert.strictEqual(story(1, "fifo"), story(2, "fifo"))
  })

  it("keeps that order however long the queue becomes", () => {
    const { process, world } = worldOf(1, "fifo")
    const one = process("a")
    const told: Array<number> = []
    for (let number = 0; number < 5_000; number++) {
      one.scheduleTask(() => {
        told.push(number)
        if (number % 3 === 0) one.scheduleTask(() => told.push(5_000 + number / 3))
      })
    }
    world.run(0)
    assert.deepStrictEqual(told, Array.from(told, (_, index) => index))
    assert.strictEqual(told.length, 5_000 + 1_667)
  })

  it("names a process that never rests, and one that watches sooner", () => {
    const busy = Effect.forever(Effect.yieldNow())
    const one = worldOf()
    one.process("busy").run(busy)
    assert.throws(
      () => one.world.run(1_000),
      Restless,
      "busy never rests: 1000000 turns at 0 ms of the world"
    )
    const { world } = worldOf()
    new Watcher(world, "watcher", world.chance.fork("watcher")).run(Effect.zipRight(Effect.sleep(3), busy))
    assert.throws(() => world.run(5_000), Restless, "watcher never rests: 100000 turns at 3 ms of the world")
  })

  it("has a time of whole microseconds, whatever it is run until", () => {
    const { world } = worldOf()
    assert.strictEqual(world.run(1.005 * 1_000), "reached")
    assert.strictEqual(world.nowMicros, 1_005)
  })

  it("pauses when its budget is used up, and goes on where it stood", () => {
    const { world } = worldOf()
    let ticks = 0
    const tick = (): void => {
      ticks++
      world.after(10, tick)
    }
    world.after(10, tick)
    assert.strictEqual(world.run(1_000, 7), "paused")
    assert.strictEqual(ticks, 7)
    assert.strictEqual(world.nowMicros, 70)
    assert.strictEqual(world.run(100, 7), "reached")
    assert.strictEqual(ticks, 10)
    assert.strictEqual(world.delivered, 10)
  })

  it("stops after the action at hand, and can be run again", () => {
    const { world } = worldOf()
    const told: Array<number> = []
    for (const number of [1, 2, 3]) {
      world.after(number, () => {
        told.push(number)
        if (number === 2) world.stop()
      })
    }
    assert.strictEqual(world.run(100), "stopped")
    assert.deepStrictEqual(told, [1, 2])
    assert.strictEqual(world.run(100), "reached")
    assert.deepStrictEqual(told, [1, 2, 3])
  })

  it("tells when all rest, before each step of its time", () => {
    const { process, world } = worldOf()
    let awake = 0
    const rests: Array<number> = []
    world.resting = () => {
      assert.strictEqual(awake, 0)
      rests.push(world.nowMicros)
    }
    const nap = Effect.sync(() => awake--).pipe(
      Effect.zipRight(Effect.sleep(2)),
      Effect.zipRight(Effect.sync(() => awake++)),
      Effect.zipRight(Effect.yieldNow())
    )
    for (const name of ["a", "b", "c"]) {
      awake++
      process(name).run(Effect.repeatN(nap, 3).pipe(Effect.zipRight(Effect.sync(() => awake--))))
    }
    world.run(100_000)
    assert.deepStrictEqual(rests, [0, 2_000, 4_000, 6_000])
  })

  it("lets whoever watches run before anything else happens", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { process, world } = worldOf(seed)
      const told: Array<string> = []
      const say = (what: string) => Effect.sync(() => told.push(what))
      process("a").run(
        Effect.forEach([1, 2, 3], (step) => Effect.zipRight(say(`a${step}`), Effect.yieldNow()))
      )
      new Watcher(world, "watcher", world.chance.fork("watcher")).run(
        Effect.forEach([1, 2, 3], (step) => Effect.zipRight(say(`w${step}`), Effect.yieldNow()))
      )
      world.run(0)
      assert.strictEqual(told.join(" "), "w1 w2 w3 a1 a2 a3")
    }
  })
})
