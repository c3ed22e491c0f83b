import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { epochMillis, Process } from "../../src/simulation/Process.js"
import { type Order, World } from "../../src/simulation/World.js"
import { pass, runIn } from "./worlds.js"

const processOf = (
  { order = "seeded", seed = 1, ...options }: {
    readonly seed?: number
    readonly order?: Order
    readonly skewMillis?: () => number
    readonly log?: (...line: ReadonlyArray<unknown>) => void
  } = {}
): Process => {
  const world = new World({ seed, order })
  return new Process(world, "p", world.chance.fork("p"), options)
}

/** What most programs are made of; the answer is the same whatever the order. */
const program = Effect.gen(function*() {
  const forked = yield* Effect.forEach(
    [1, 2, 3, 4],
    (n) => Effect.fork(Effect.delay(Effect.succeed(n * n), n))
  )
  const squares = yield* Fiber.join(Fiber.all(forked))
  const raced = yield* Effect.race(
    Effect.delay(Effect.succeed("slow"), 50),
    Effect.delay(Effect.succeed("fast"), 10)
  )
  const timedOut = yield* Effect.timeoutOption(Effect.sleep("1 day"), "1 second")
  const inTime = yield* Effect.timeoutOption(Effect.delay(Effect.succeed(1), 999), "1 second")
  const queue = yield* Queue.bounded<number>(3)
  yield* Effect.fork(Effect.forEach(Array.from({ length: 100 }, (_, n) => n), (n) => queue.offer(n)))
  const queued = yield* Effect.replicateEffect(queue.take, 100)
  const streamed = yield* Stream.range(1, 60).pipe(
    Stream.mapEffect((n) => Effect.as(Effect.yieldNow(), n), { concurrency: 7 }),
    Stream.buffer({ capacity: 5 }),
    Stream.runCollect
  )
  const semaphore = yield* Effect.makeSemaphore(2)
  let inside = 0
  let most = 0
  yield* Effect.forEach(
    Array.from({ length: 9 }, (_, n) => n),
    (n) =>
      semaphore.withPermits(1)(Effect.acquireUseRelease(
        Effect.sync(() => most = Math.max(most, ++inside)),
        () => Effect.sleep(n),
        () => Effect.sync(() => inside--)
      )),
    { concurrency: "unbounded" }
  )
  const done = yield* Deferred.make<string>()
  let released = 0
  const waiting = yield* Effect.fork(
    Deferred.await(done).pipe(
      Effect.ensuring(Effect.sync(() => released++)),
      Effect.zipRight(Effect.never)
    )
  )
  yield* Effect.sleep(1)
  yield* Fiber.interrupt(waiting)
  const sum = yield* Effect.iterate(0, { while: (n) => n < 3_000, body: (n) => Effect.succeed(n + 1) })
  return {
    squares: Chunk.toReadonlyArray(Chunk.fromIterable(squares)),
    raced,
    timedOut: Option.isNone(timedOut),
    inTime: Option.isSome(inTime),
    queued,
    streamed: Chunk.toReadonlyArray(streamed),
    most,
    released,
    sum
  }
})

describe("Process", () => {
  it("cuts turns short anywhere and changes the meaning of nothing", () => {
    const expected = {
      squares: [1, 4, 9, 16],
      raced: "fast",
      timedOut: true,
      inTime: true,
      queued: Array.from({ length: 100 }, (_, n) => n),
      streamed: Array.from({ length: 60 }, (_, n) => n + 1),
      most: 2,
      released: 1,
      sum: 3_000
    }
    assert.deepStrictEqual(runIn(processOf({ order: "fifo" }), program), expected)
    for (let seed = 0; seed < 20; seed++) {
      const process = processOf({ seed })
      assert.deepStrictEqual(runIn(process, program), expected)
      pass(process.world, 1)
      assert.strictEqual(process.fibers.size, 0)
      assert.strictEqual(process.timers, 0)
    }
  })

  it("has a wall clock that can be off, and a monotonic one that cannot", () => {
    let skewMillis = 0
    const process = processOf({ skewMillis: () => skewMillis })
    const read = () => runIn(process, Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos]))
    const [wall, monotonic] = read()
    assert.strictEqual(wall, epochMillis)
    skewMillis = -86_400_000
    assert.strictEqual(read()[0], epochMillis - 86_400_000)
    assert.strictEqual(read()[1], monotonic)
    runIn(process, Effect.sleep(1_500))
    assert.strictEqual(read()[0], epochMillis - 86_400_000 + 1_500)
    assert.strictEqual(read()[1], monotonic + 1_500_000_000n)
  })

  it("boots at a time of its own, and draws from its own chance", () => {
    const world = new World({ seed: 1, order: "seeded" })
    const [one, two] = ["one", "two"].map((name) => {
      const process = new Process(world, name, world.chance.fork(name))
      return runIn(process, Effect.all([Clock.currentTimeNanos, Random.next]))
    })
    assert.notStrictEqual(one?.[0], two?.[0])
    assert.notStrictEqual(one?.[1], two?.[1])
  })

  it("wakes no sleeper early, and one that sleeps for ever never", () => {
    const process = processOf()
    runIn(process, Effect.sleep("2.5 millis"))
    assert.strictEqual(process.world.nowMicros, 2_500)
    process.run(Effect.sleep("9 seconds"))
    const never = process.run(Effect.sleep(Number.POSITIVE_INFINITY))
    pass(process.world, 8_999)
    assert.strictEqual(process.fibers.size, 2)
    pass(process.world, 86_400_000)
    assert.deepStrictEqual([...process.fibers], [never])
  })

  it("counts the timers that wait", () => {
    const process = processOf()
    const sleeping = process.run(Effect.all([Effect.sleep(10), Effect.sleep(20), Effect.sleep(30)], {
      concurrency: "unbounded"
    }))
    pass(process.world, 1)
    assert.strictEqual(process.timers, 3)
    pass(process.world, 10)
    assert.strictEqual(process.timers, 2)
    runIn(process, Fiber.interrupt(sleeping))
    pass(process.world, 0)
    assert.strictEqual(process.timers, 0)
  })

  it("knows all fibers that live, those that nobody waits for among them", () => {
    const process = processOf()
    const hang = Effect.async<never>(() => {})
    runIn(process, Effect.forkDaemon(Effect.forkDaemon(hang)))
    pass(process.world, 1)
    assert.strictEqual(process.fibers.size, 1)
    assert.isTrue([...process.fibers].every((fiber) => fiber.unsafePoll() === null))
  })

  it("does nothing while it is frozen, and all of it when it thaws", () => {
    const process = processOf()
    const { world } = process
    const told: Array<number> = []
    process.run(
      Effect.forever(Effect.zipRight(Effect.sleep(10), Effect.sync(() => told.push(world.nowMillis))))
    )
    process.run(Effect.zipRight(Effect.sleep(35), Effect.sync(() => told.push(-1))))
    pass(world, 25)
    process.freeze()
    assert.strictEqual(process.state, "frozen")
    pass(world, 100)
    assert.deepStrictEqual(told, [10, 20])
    process.thaw()
    process.thaw()
    pass(world, 10)
    assert.sameMembers(told, [10, 20, 125, -1, 135])
  })

  it("freezes in the middle of its work", () => {
    const process = processOf()
    const told: Array<number> = []
    process.run(Effect.gen(function*() {
      told.push(1)
      process.freeze()
      yield* Effect.yieldNow()
      told.push(2)
    }))
    pass(process.world, 1)
    assert.deepStrictEqual(told, [1])
    process.thaw()
    pass(process.world, 1)
    assert.deepStrictEqual(told, [1, 2])
  })

  it("never runs again once it was killed: no finalizer, no timer, no late answer", () => {
    for (const frozen of [false, true]) {
      const process = processOf()
      const { world } = process
      const told: Array<string> = []
      const say = (what: string) => Effect.sync(() => told.push(what))
      let answer = (): void => {}
      process.run(Effect.ensuring(Effect.sleep(10), say("finalizer")))
      process.run(
        Effect.zipRight(
          Effect.async<void>((resume) => void (answer = () => resume(Effect.void))),
          say("answer")
        )
      )
      process.run(Effect.forever(Effect.zipRight(Effect.sleep(3), say("tick"))))
      pass(world, 4)
      assert.deepStrictEqual(told, ["tick"])
      if (frozen) process.freeze()
      process.kill()
      process.kill()
      process.thaw()
      answer()
      process.scheduleTask(() => told.push("task"))
      pass(world, 1_000)
      assert.deepStrictEqual(told, ["tick"])
      assert.strictEqual(process.state, "dead")
      assert.strictEqual(process.fibers.size, 0)
      assert.strictEqual(process.timers, 0)
    }
  })

  it("lets go of the fibers of a killed process, those that run in it now as well", () => {
    const process = processOf()
    const roots = [
      process.run(Effect.async<never>(() => {})),
      process.run(Effect.zipRight(Effect.yieldNow(), Effect.sync(() => process.kill())))
    ]
    pass(process.world, 1)
    for (const root of roots) assert.isNotNull(root.unsafePoll())
  })

  it("gives what it logs to whoever listens, and to nobody else", () => {
    const lines: Array<ReadonlyArray<unknown>> = []
    const process = processOf({ log: (...line) => lines.push(line) })
    runIn(process, Effect.logWarning("careful", Cause.fail("why")))
    const [[name, level, message, cause] = []] = lines
    assert.strictEqual(lines.length, 1)
    assert.strictEqual(name, "p")
    assert.strictEqual(level, LogLevel.Warning)
    assert.deepStrictEqual(message, ["careful"])
    assert.isTrue(Cause.isCause(cause) && Cause.isFailure(cause))
  })
})
