import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as HintedHost from "../../src/domain/HintedHost.js"

describe("HintedHost", () => {
  it("takes addresses and names, each in one form", () => {
    const taken: ReadonlyArray<readonly [string, string]> = [
      ["127.0.0.1", "127.0.0.1"],
      ["10.1.2.3", "10.1.2.3"],
      ["::1", "::1"],
      ["0:0::0:1", "::1"],
      ["2001:DB8:0:0::1", "2001:db8::1"],
      ["::ffff:192.0.2.1", "192.0.2.1"],
      ["::FFFF:c000:0201", "192.0.2.1"],
      ["Node-A.Example.org", "node-a.example.org"],
      ["localhost", "localhost"],
      ["a_b", "a_b"]
    ]
    for (const [host, form] of taken) assert.strictEqual(HintedHost.parse(host, false), form, host)
  })

  it("refuses what no peer listens at, however it is written", () => {
    const refused = [
      "0.0.0.0",
      "0.1.2.3",
      "224.0.0.1",
      "239.255.0.1",
      "240.0.0.1",
      "255.255.255.255",
      "::",
      "0::0",
      "::ffff:0.0.0.0",
      "::ffff:e000:1",
      "::7f00:1",
      "ff02::1",
      "FF0E::1",
      "fec0::1",
      "64:ff9b::e000:1"
    ]
    for (const host of refused) {
      assert.isUndefined(HintedHost.parse(host, false), host)
      assert.isUndefined(HintedHost.parse(host, true), host)
    }
  })

  it("refuses link-local addresses unless they are wanted", () => {
    for (
      const host of [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "192.0.0.192",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1"
      ]
    ) {
      assert.isUndefined(HintedHost.parse(host, false), host)
      assert.isDefined(HintedHost.parse(host, true), host)
    }
  })

  it("refuses what is neither an address nor a name", () => {
    const refused = [
      "",
      " ",
      "127.1",
      "2130706433",
      "2852039166",
      "0xa9fea9fe",
      "0xa9.0xfe.0xa9.0xfe",
      "0251.0376.0251.0376",
      "169.254.169.254.",
      "1.2.3",
      "a.1",
      "256.1.1.1",
      "a b",
      "a/b",
      "user@host",
      "user:password@host",
      "host:80",
      "[::1]",
      "fe80::1%lo",
      "http://host",
      "tcp://127.0.0.1",
      "host\n",
      "\u001b[31mhost",
      "höst",
      "a".repeat(64),
      `${"a.".repeat(130)}a`
    ]
    for (const host of refused) assert.isUndefined(HintedHost.parse(host, false), JSON.stringify(host))
  })

  it("gives nothing but hosts that can be dialled, and each of them itself again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain()), (text) => {
        const host = HintedHost.parse(text, false)
        if (host === undefined) return
        const shown = Endpoint.make(host, 1).toString()
        assert.strictEqual(Endpoint.parse(shown)._tag, "Right", shown)
        assert.strictEqual(HintedHost.parse(host, false), host)
      })
    )
  })
})
