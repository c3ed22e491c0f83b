import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll } from "vitest"
import * as RegistryLimits from "../../src/domain/RegistryLimits.js"
import * as RedisRegistryStore from "../../src/layers/RedisRegistryStore.js"
import { RegistryStore } from "../../src/services/RegistryStore.js"
import { contract, entry } from "../layers/RegistryStore.contract.js"
import * as Redis from "./redis.js"

let redis: Redis.Redis
let databases = 0

/** A store in an empty database. */
const store = (options: Partial<RedisRegistryStore.Options> = {}) =>
  Layer.unwrapEffect(
    Effect.sync(() =>
      RedisRegistryStore.layer({ ...RegistryLimits.defaults, url: `${redis.url}/${databases++}`, ...options })
    )
  )

describe.skipIf(!Redis.isThere)("against a real Redis", () => {
  beforeAll(async () => {
    redis = await Redis.start()
  })
  afterAll(() => redis.stop())

  contract("RedisRegistryStore", {
    layer: store,
    shortMillis: 1_000,
    pass: (millis) => Effect.sleep(millis + 20),
    test: it.live
  })

  it.live("is one list for all who stand on it", () =>
    Effect.gen(function*() {
      const url = `${redis.url}/15`
      const [one, other] = yield* Effect.all([
        RedisRegistryStore.make({ ...RegistryLimits.defaults, url }),
        RedisRegistryStore.make({ ...RegistryLimits.defaults, url })
      ])
      yield* one.put(entry("A", { key: "0a" }))
      assert.deepStrictEqual(yield* other.list(20), [entry("A", { key: "0a" })])
      assert.strictEqual(yield* other.remove(entry("A", { key: "0a" })), "removed")
      assert.strictEqual(yield* one.count, 0)
    }).pipe(Effect.scoped))

  it.live("leaves nothing in Redis once the time of all is over", () =>
    Effect.gen(function*() {
      const { put } = yield* RegistryStore
      yield* put(entry("A"))
      yield* put(entry("B", { key: "0b", host: "10.0.0.2" }))
      const { createClient } = yield* Effect.promise(() => import("@redis/client"))
      const client = yield* Effect.acquireRelease(
        Effect.promise(() => createClient({ url: `${redis.url}/${databases - 1}` }).connect()),
        (client) => Effect.sync(() => client.destroy())
      )
      const keys = Effect.promise(() => client.dbSize())
      assert.isAbove(yield* keys, 0)
      // Redis sweeps ten times a second.
      yield* keys.pipe(
        Effect.zipLeft(Effect.sleep(20)),
        Effect.repeat({ until: (count) => count === 0 }),
        Effect.timeout("10 seconds")
      )
    }).pipe(Effect.scoped, Effect.provide(store({ entryMillis: 1_000 }))))

  it.live("says at once that Redis is gone, and works again when it is back", () =>
    Effect.gen(function*() {
      const mine = yield* Effect.promise(() => Redis.start())
      yield* Effect.gen(function*() {
        const { count, put } = yield* RegistryStore
        yield* put(entry("A"))
        yield* Effect.promise(mine.stop)
        const error = yield* Effect.flip(put(entry("A")))
        assert.match(error.message, /^the store at 127\.0\.0\.1:\d+ is out of reach \(.+\)$/)
        const again = yield* Effect.acquireRelease(
          Effect.promise(() => Redis.start(Number(new URL(mine.url).port))),
          ({ stop }) => Effect.promise(stop)
        )
        assert.strictEqual(again.url, mine.url)
        const back = count.pipe(Effect.retry({ while: () => Effect.as(Effect.sleep(20), true) }))
        assert.strictEqual(yield* Effect.timeout(back, "10 seconds"), 0)
      }).pipe(Effect.provide(store({ url: mine.url })))
    }).pipe(Effect.scoped))

  it.live("does not wait for a Redis that does not answer", () =>
    Effect.gen(function*() {
      const mine = yield* Effect.acquireRelease(
        Effect.promise(() => Redis.start()),
        ({ stop }) => Effect.promise(stop)
      )
      yield* Effect.gen(function*() {
        const { count } = yield* RegistryStore
        mine.process.kill("SIGSTOP")
        const error = yield* Effect.flip(count)
        assert.match(error.message, /no answer within 100 ms/)
      }).pipe(Effect.provide(store({ url: mine.url, storeMillis: 100 })))
    }).pipe(Effect.scoped))
})

it.live("a Redis that is not there is told at the start", () =>
  Effect.gen(function*() {
    const url = "redis://user:secret@127.0.0.1:1"
    const error = yield* Effect.flip(
      Effect.scoped(RedisRegistryStore.make({ ...RegistryLimits.defaults, url }))
    )
    assert.match(error.message, /^the store at 127\.0\.0\.1:1 is out of reach \(.*ECONNREFUSED.*\)$/)
  }))
