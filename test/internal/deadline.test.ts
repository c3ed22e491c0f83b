import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { now } from "../../src/internal/core.js"
import { Deadline } from "../../src/internal/deadline.js"
import { Link } from "../../src/internal/link.js"
import { settle } from "../layers/nodes.js"

/** To the millisecond, unlike that of the nodes. */
const pass = (millis: number) => Effect.zipRight(TestClock.adjust(millis), settle)

const link = (conn: number) => new Link(conn, "inbound", Endpoint.make("10.0.0.1", 9001))

describe("a deadline", () => {
  it.scoped("is told of to the millisecond, to each that has not met it, and once", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const deadline = new Deadline(1_000)
      yield* Effect.forkScoped(deadline.watch({ clock }))
      const late: Array<readonly [conn: number, atMillis: number]> = []
      const begin = (of: Link) =>
        deadline.begin(of, now({ clock }), () => late.push([of.conn, now({ clock })]))
      const punctual = link(2)
      begin(link(1))
      begin(punctual)
      yield* pass(300)
      begin(link(3))
      deadline.met(punctual)
      yield* pass(699)
      assert.deepStrictEqual(late, [])
      yield* pass(1)
      assert.deepStrictEqual(late, [[1, 1_000]])
      yield* pass(5_000)
      assert.deepStrictEqual(late, [[1, 1_000], [3, 1_300]])
      // After a time in which nobody was under it.
      begin(link(4))
      yield* pass(5_000)
      assert.deepStrictEqual(late.slice(2), [[4, 7_000]])
    }))
})
