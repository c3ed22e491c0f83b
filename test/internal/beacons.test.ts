import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import * as Beacons from "../../src/internal/beacons.js"
import { Discovery } from "../../src/services/Discovery.js"
import { start } from "../layers/Discovery.contract.js"

it.scoped("a defect that ends discovery is logged with its cause", () => {
  const logged: Array<string> = []
  const gather = Logger.make(({ cause, message }) => logged.push(`${message}: ${Cause.squash(cause)}`))
  let rounds = 0
  const layer = Layer.scoped(
    Discovery,
    Beacons.make(() =>
      Effect.succeed(() =>
        Effect.sync(() => {
          if (rounds++ > 0) throw new Error("a bug of ours")
          return { interfaces: [], sent: [], datagrams: 0, problems: [] }
        })
      )
    )
  )
  return Effect.gen(function*() {
    yield* start<never>("alice", layer)
    assert.deepStrictEqual(logged, [])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(logged, ["a defect ended discovery: Error: a bug of ours"])
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, gather)))
})
