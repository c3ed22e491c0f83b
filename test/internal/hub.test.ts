import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Hub } from "../../src/internal/hub.js"

const make = (limit: number, early = 0) => new Hub<number>({ limit, early, sizeOf: (item) => item })
const all = <A>(stream: Stream.Stream<A>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

describe("hub", () => {
  it.scoped("gives every subscriber what is published from its subscription on", () =>
    Effect.gen(function*() {
      const hub = make(100)
      hub.publish(1)
      const first = yield* hub.subscribe
      hub.publish(2)
      const second = yield* hub.subscribe
      hub.publish(3)
      hub.end()
      assert.deepStrictEqual(yield* all(first), [2, 3])
      assert.deepStrictEqual(yield* all(second), [3])
    }))

  it.scoped("gives the first subscriber what came before it, up to a limit", () =>
    Effect.gen(function*() {
      const hub = make(100, 2)
      for (const item of [1, 2, 3]) hub.publish(item)
      const first = yield* hub.subscribe
      const second = yield* hub.subscribe
      hub.publish(4)
      hub.end()
      assert.deepStrictEqual(yield* all(first), [1, 2, 4])
      assert.deepStrictEqual(yield* all(second), [4])
    }))

  it.scoped("drops and counts what a slow subscriber leaves, and what nobody hears", () =>
    Effect.gen(function*() {
      const hub = make(5)
      hub.deliver([9])
      assert.strictEqual(hub.dropped, 1)
      const slow = yield* hub.subscribe
      hub.deliver([2, 3, 4])
      assert.strictEqual(hub.dropped, 2)
      hub.end()
      assert.deepStrictEqual(yield* all(slow), [2, 3])
    }))

  it.scoped("ends the stream of a subscriber that leaves, and hands it nothing more", () =>
    Effect.gen(function*() {
      const hub = make(100)
      const life = yield* Scope.make()
      const reader = yield* Scope.extend(hub.subscribe, life)
      const waiting = yield* Effect.fork(all(reader))
      yield* Effect.yieldNow()
      hub.deliver([1, 2])
      yield* Scope.close(life, Exit.void)
      hub.deliver([3])
      assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      assert.strictEqual(hub.dropped, 1)
    }))

  it.effect("forgets a stream that has been run", () =>
    Effect.gen(function*() {
      const hub = make(100, 1)
      hub.publish(1)
      assert.deepStrictEqual(yield* all(Stream.take(hub.stream, 1)), [1])
      hub.deliver([2, 3])
      assert.strictEqual(hub.dropped, 2)
    }))

  it.scoped("has space again for a subscriber that took what was there", () =>
    Effect.gen(function*() {
      const hub = make(5)
      const reader = yield* hub.subscribe
      const rounds = Stream.zipWithIndex(reader).pipe(
        Stream.tap(([, index]) => Effect.sync(() => index < 2 ? hub.publish(5) : hub.end())),
        Stream.map(([item]) => item)
      )
      hub.publish(5)
      assert.deepStrictEqual(yield* all(rounds), [5, 5, 5])
      assert.strictEqual(hub.dropped, 0)
    }))

  it.effect("hands a receiver everything in the step that gives it, whatever its size, until the end", () =>
    Effect.gen(function*() {
      const hub = make(5)
      const got: Array<ReadonlyArray<number>> = []
      const receiving = yield* Effect.fork(hub.receive((items) => void got.push(items)))
      yield* Effect.yieldNow()
      hub.deliver([9, 9])
      hub.publish(3)
      assert.deepStrictEqual(got, [[9, 9], [3]])
      hub.end()
      yield* Fiber.join(receiving)
      yield* hub.receive(() => assert.fail("nothing comes after the end"))
      assert.strictEqual(hub.dropped, 0)
    }))

  it.scoped("dies of what a receiver throws, which takes nothing from the others", () =>
    Effect.gen(function*() {
      const hub = make(100)
      const receiving = yield* Effect.fork(hub.receive(() => {
        throw new Error("a bug of the receiver")
      }))
      const reader = yield* hub.subscribe
      yield* Effect.yieldNow()
      hub.deliver([1])
      hub.deliver([2])
      const exit = yield* Fiber.await(receiving)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      hub.end()
      assert.deepStrictEqual(yield* all(reader), [1, 2])
    }))

  it.effect("hands a receiver that comes during a delivery what is given from then on", () =>
    Effect.gen(function*() {
      const hub = make(100)
      const got: Array<string> = []
      let come = 0
      const another = () => {
        const name = ++come
        Effect.runFork(hub.receive(([item]) => {
          got.push(`${name}: ${item}`)
          if (come < 5) another()
        }))
      }
      another()
      hub.deliver([1])
      hub.deliver([2])
      hub.end()
      assert.deepStrictEqual(got, ["1: 1", "1: 2", "2: 2"])
    }))

  it.effect("hands nothing to a receiver that was interrupted", () =>
    Effect.gen(function*() {
      const hub = make(100)
      const receiving = yield* Effect.fork(hub.receive(() => assert.fail("it is gone")))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(receiving)
      hub.deliver([1, 2])
      assert.strictEqual(hub.dropped, 2)
    }))

  it.scoped("packs what waits in more memory than it fills, and keeps its order", () =>
    Effect.gen(function*() {
      let packed = 0
      const hub = new Hub<Uint8Array>({
        limit: 100,
        early: 0,
        sizeOf: ({ length }) => length,
        packing: {
          memoryOf: ({ buffer }) => buffer,
          pack: (items) => {
            packed++
            return items.map((item) => new Uint8Array(item))
          }
        }
      })
      const reader = yield* hub.subscribe
      for (let byte = 1; byte <= 6; byte++) hub.deliver([Uint8Array.of(byte)])
      assert.strictEqual(packed, 0)
      // The third brings more than 200 bytes of memory, for two bytes of each.
      for (let byte = 0; byte < 3; byte++) {
        const lent = new Uint8Array(90)
        lent[0] = byte
        hub.deliver([lent.subarray(0, 1), lent.subarray(1, 2)])
      }
      assert.strictEqual(packed, 1)
      hub.end()
      const came = yield* all(reader)
      assert.deepStrictEqual(came.map(([byte]) => byte), [1, 2, 3, 4, 5, 6, 0, 0, 1, 0, 2, 0])
      assert.isTrue(came.every(({ buffer, length }) => buffer.byteLength === length))
    }))
})
