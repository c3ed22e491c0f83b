import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import * as Endpoint from "../../src/domain/Endpoint.js"

describe("an endpoint", () => {
  const spellings = [["LocalHost", "localhost"], ["::FFFF:127.0.0.1", "127.0.0.1"], [
    "FE80::1",
    "fe80::1"
  ]] as const

  it.each(spellings)("is the same for %s and %s, whoever makes it", (host, canonical) => {
    const port = 9_001
    const all = [
      Endpoint.make(host, port),
      new Endpoint.Endpoint({ host, port }),
      Schema.decodeSync(Endpoint.Endpoint)({ host, port }),
      Either.getOrThrow(Endpoint.parse(host.includes(":") ? `[${host}]:${port}` : `tcp://${host}:${port}/`))
    ]
    for (const one of all) {
      assert.strictEqual(one.host, canonical)
      assert.isTrue(Equal.equals(one, all[0]))
      assert.instanceOf(one, Endpoint.Endpoint)
    }
  })

  it.each([-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("has no port %d", (port) => {
    assert.throws(
      () => Endpoint.make("a.example", port),
      RangeError,
      `port ${port} of a.example: expected a whole number from 0 to 65535`
    )
    assert.throws(() => new Endpoint.Endpoint({ host: "a.example", port }))
  })
})
