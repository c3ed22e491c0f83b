import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Ephemerals } from "../../src/protocol/Ephemerals.js"

const share = (number: number): Uint8Array => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

const make = () => new Ephemerals<string>({ seenHellos: 4, seenHelloMillis: 100 })

describe("own keys in flight", () => {
  it("are told apart: our own dial met us, or somebody sent our Hello back", () => {
    const ephemerals = make()
    ephemerals.add(share(1), "dial 1")
    ephemerals.add(share(2), "dial 2")
    const gate = ephemerals.gate((dial) => dial === "dial 1")
    assert.strictEqual(gate.check(share(1), 0), "SelfConnection")
    assert.strictEqual(gate.check(share(2), 0), "Reflection")
    assert.isUndefined(gate.check(share(3), 0))
  })

  it("are forgotten when their handshake is over", () => {
    const ephemerals = make()
    ephemerals.add(share(1), "dial")
    ephemerals.remove(share(1))
    assert.isUndefined(ephemerals.gate(() => true).check(share(1), 0))
    assert.strictEqual(ephemerals.inFlight, 0)
  })

  it("come before those that were seen", () => {
    const ephemerals = make()
    const gate = ephemerals.gate(() => false)
    gate.remember(share(1), 0)
    ephemerals.add(share(1), "dial")
    assert.strictEqual(gate.check(share(1), 0), "Reflection")
  })
})

describe("keys seen", () => {
  it("are refused by every connection of the node, until their time is over", () => {
    const ephemerals = make()
    ephemerals.gate(() => false).remember(share(1), 50)
    const gate = ephemerals.gate(() => false)
    assert.strictEqual(gate.check(share(1), 50), "ReplayedHello")
    assert.strictEqual(gate.check(share(1), 149), "ReplayedHello")
    assert.isUndefined(gate.check(share(1), 150))
  })

  it("are the latest within their limit, whatever comes", () =>
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(40)), { maxLength: 60 }), (events) => {
      const ephemerals = make()
      const gate = ephemerals.gate(() => false)
      let model: Array<{ readonly key: number; readonly at: number }> = []
      let now = 0
      for (const [key, after] of events) {
        now += after
        gate.remember(share(key), now)
        model = [...model.filter((seen) => seen.key !== key), { key, at: now }].slice(-4)
        assert.isAtMost(ephemerals.remembered, 4)
        for (let other = 0; other < 10; other++) {
          const fresh = model.some((seen) => seen.key === other && now - seen.at < 100)
          assert.strictEqual(gate.check(share(other), now), fresh ? "ReplayedHello" : undefined)
        }
      }
    })))

  it("take no more room than their limit under a flood", () => {
    const ephemerals = new Ephemerals<string>({ seenHellos: 1_000, seenHelloMillis: 120_000 })
    const gate = ephemerals.gate(() => false)
    for (let number = 0; number < 50_000; number++) gate.remember(share(number), number / 1_000)
    assert.strictEqual(ephemerals.remembered, 1_000)
    assert.strictEqual(gate.check(share(49_000), 50), "ReplayedHello")
    assert.isUndefined(gate.check(share(48_999), 50))
  })

  it("make room as their time runs out", () => {
    const ephemerals = make()
    const gate = ephemerals.gate(() => false)
    for (const number of [1, 2, 3]) gate.remember(share(number), 0)
    gate.remember(share(4), 100)
    assert.strictEqual(ephemerals.remembered, 1)
  })
})
