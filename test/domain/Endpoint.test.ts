import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as fc from "effect/FastCheck"
import { isIPv6 } from "node:net"
import * as Endpoint from "../../src/domain/Endpoint.js"

describe("an endpoint", () => {
  const spellings = [
    ["LocalHost", "localhost"],
    ["::FFFF:127.0.0.1", "127.0.0.1"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["0:0:0:0:0:FFFF:10.0.0.1", "10.0.0.1"],
    ["FE80::1", "fe80::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["FE80::0001%Eth0", "fe80::1%Eth0"]
  ] as const

  it.each(spellings)("is the same for %s and %s, whoever makes it", (host, canonical) => {
    const port = 9_001
    const all = [
      Endpoint.make(host, port),
      new Endpoint.Endpoint({ host, port }),
      Either.getOrThrow(Endpoint.parse(host.includes(":") ? `[${host}]:${port}` : `tcp://${host}:${port}/`))
    ]
    for (const one of all) {
      assert.strictEqual(one.host, canonical)
      assert.isTrue(Equal.equals(one, all[0]))
      assert.instanceOf(one, Endpoint.Endpoint)
    }
  })

  it("takes for IPv6 addresses what the system does, and writes each in one way", () => {
    const group = fc.stringMatching(/^[0-9a-f]{1,5}$/)
    const part = fc.oneof(group, fc.constantFrom("", "0", "ffff", "1.2.3.4"))
    const text = fc.oneof(
      fc.ipV6(),
      fc.array(part, { maxLength: 9 }).map((all) => all.join(":"))
    )
    fc.assert(
      fc.property(text, (host) => {
        assert.strictEqual(Endpoint.isIPv6(host), isIPv6(host), host)
        const once = Endpoint.make(host, 1).host
        assert.strictEqual(Endpoint.make(once, 1).host, once)
      }),
      { numRuns: 5_000, examples: [["1.2.3.4::"]] }
    )
  })

  it.each(["fe80::1%", "fe80::1%eth0%eth1"])("has no address with the zones of %s", (host) => {
    assert.isFalse(Endpoint.isIPv6(host))
    assert.isTrue(Either.isLeft(Endpoint.parse(`[${host}]:9001`)))
  })

  it.each([-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("has no port %d", (port) => {
    const message = `port ${port} of a.example: expected a whole number from 0 to 65535`
    assert.throws(() => Endpoint.make("a.example", port), RangeError, message)
    assert.throws(() => new Endpoint.Endpoint({ host: "a.example", port }), RangeError, message)
  })
})
