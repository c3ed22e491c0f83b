import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Admission, networkOf } from "../../src/domain/Admission.js"
import { defaults } from "../../src/domain/Limits.js"

/** Limits without rates, so that a test may let in as many as it likes at one moment. */
const rateless = {
  ...defaults,
  connectionsBurst: 1e6,
  halfOpen: 4,
  halfOpenPerAddress: 3,
  inboundPerAddress: 5
}

/** Admits a newcomer as number `id`; says which one had to go, if any, or `refused`. */
const enter = (
  admission: Admission,
  id: number,
  host: string,
  nowMillis = 0
): number | "refused" | undefined => {
  const admitted = admission.admit(host, nowMillis)
  if (!admitted.admitted) return "refused"
  admission.opened(id, host)
  return admitted.evict
}

const enterAll = (admission: Admission, hosts: ReadonlyArray<string>) =>
  hosts.map((host, id) => enter(admission, id, host))

describe("Admission", () => {
  describe("half-open connections", () => {
    it("lets the oldest silent one go for a newcomer when all places are taken", () => {
      const admission = new Admission(rateless)
      assert.deepStrictEqual(
        enterAll(admission, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]),
        [undefined, undefined, undefined, undefined, 0, 1]
      )
      assert.strictEqual(admission.halfOpen, 4)
    })

    it("spares those with a valid Hello for as long as there are others", () => {
      const admission = new Admission(rateless)
      enterAll(admission, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"])
      admission.helloValid(0)
      admission.helloValid(2)
      assert.strictEqual(enter(admission, 10, "10.0.0.5"), 1)
      admission.helloValid(10)
      admission.helloValid(3)
      assert.strictEqual(enter(admission, 11, "10.0.0.6"), 0, "the oldest of them")
      admission.established(2)
      assert.isUndefined(enter(admission, 12, "10.0.0.7"))
      admission.closed(10)
      assert.isUndefined(enter(admission, 13, "10.0.0.8"))
    })

    it("lets an address have no more than its share, at the cost of its own oldest", () => {
      const admission = new Admission(rateless)
      assert.deepStrictEqual(
        enterAll(admission, ["10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"]),
        [undefined, undefined, undefined, undefined, 1]
      )
      assert.strictEqual(admission.halfOpen, 4)
      for (const id of [2, 3, 4]) admission.helloValid(id)
      assert.strictEqual(enter(admission, 5, "10.0.0.1"), "refused")
      assert.strictEqual(enter(admission, 5, "10.0.0.3"), 0)
    })

    it("counts one that was admitted before it is opened", () => {
      const admission = new Admission({ ...rateless, halfOpen: 1 })
      assert.isTrue(admission.admit("10.0.0.1", 0).admitted)
      assert.isFalse(admission.admit("10.0.0.2", 0).admitted)
    })

    it("takes the end of an unknown connection for nothing", () => {
      const admission = new Admission(rateless)
      enter(admission, 1, "10.0.0.1")
      admission.closed(1)
      admission.closed(1)
      admission.established(1)
      admission.helloValid(7)
      assert.strictEqual(admission.halfOpen, 0)
    })
  })

  it("lets an address have no more than its established sessions", () => {
    const admission = new Admission(rateless)
    for (let id = 0; id < 5; id++) {
      assert.isUndefined(enter(admission, id, "10.0.0.1"))
      admission.established(id)
    }
    assert.strictEqual(enter(admission, 5, "10.0.0.1"), "refused")
    assert.isUndefined(enter(admission, 5, "10.0.0.2"))
    admission.closed(3)
    assert.isUndefined(enter(admission, 6, "10.0.0.1"))
  })

  it("counts a half-open connection as one that may be established", () => {
    const admission = new Admission(rateless)
    for (let id = 0; id < 4; id++) {
      enter(admission, id, "10.0.0.1")
      admission.established(id)
    }
    assert.isUndefined(enter(admission, 4, "10.0.0.1"))
    assert.strictEqual(enter(admission, 5, "10.0.0.1"), 4)
    admission.helloValid(5)
    assert.strictEqual(enter(admission, 6, "10.0.0.1"), "refused")
  })

  describe("rates", () => {
    it("admits ten at once from an address, then five a second", () => {
      const admission = new Admission(defaults)
      const knock = (nowMillis: number, count: number) =>
        Array.from({ length: count }, (_, index) => {
          const entered = enter(admission, nowMillis * 100 + index, "10.0.0.1", nowMillis)
          admission.closed(nowMillis * 100 + index)
          return entered !== "refused"
        }).filter((admitted) => admitted).length
      assert.strictEqual(knock(0, 20), 10)
      assert.strictEqual(knock(199, 1), 0)
      assert.strictEqual(knock(200, 5), 1)
      assert.strictEqual(knock(1_200, 20), 5)
      assert.strictEqual(knock(60_000, 20), 10)
    })

    it("drops nobody for a newcomer that comes too fast", () => {
      const admission = new Admission({ ...rateless, connectionsBurst: 3 })
      assert.deepStrictEqual(enterAll(admission, ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"]), [
        undefined,
        undefined,
        undefined,
        "refused"
      ])
      assert.strictEqual(admission.halfOpen, 3)
    })

    it("sends 200 HelloAcks at once, then 200 a second, to all addresses together", () => {
      const admission = new Admission(defaults)
      const sent = (nowMillis: number) =>
        Array.from({ length: 1_000 }, (_, index) => admission.helloAck(`10.0.0.${index % 250}`, nowMillis))
          .filter((may) => may).length
      assert.strictEqual(sent(0), 200)
      assert.strictEqual(sent(500), 100)
      assert.strictEqual(sent(10_000), 200)
    })

    it("remembers a bounded number of addresses, those that come again longest", () => {
      const admission = new Admission({
        ...defaults,
        addressesTracked: 100,
        connectionsPerSecond: 0,
        connectionsBurst: 1
      })
      const regular = "10.1.0.1"
      const admitted: Array<number | "refused" | undefined> = []
      for (let id = 0; id < 10_000; id++) {
        enter(admission, 2 * id, `10.0.${id >> 8}.${id & 255}`)
        admission.closed(2 * id)
        if (id % 10 === 0) admitted.push(enter(admission, 2 * id + 1, regular))
        assert.isAtMost(admission.tracked, 100)
      }
      assert.isTrue(admitted.slice(1).every((entered) => entered === "refused"))
    })
  })

  describe("addresses", () => {
    it("leaves loopback out of the limits for one address and of the rates, but not of the places in all", () => {
      const admission = new Admission({ ...rateless, connectionsBurst: 1, helloAcksBurst: 1 })
      const loopback = ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]
      assert.deepStrictEqual(enterAll(admission, loopback), [undefined, undefined, undefined, undefined, 0])
      for (const host of loopback) assert.isTrue(admission.helloAck(host, 0))
    })

    it("counts IPv6 by its first 56 bits", () => {
      const same = ["2001:db8:0:1200::1", "2001:db8:0:12ff:ffff::", "2001:0DB8:0000:1234:1:2:3:4%eth0"]
      assert.deepStrictEqual(same.map(networkOf), same.map(() => "2001:db8:0:1200::/56"))
      assert.strictEqual(networkOf("2001:db8:0:1300::1"), "2001:db8:0:1300::/56")
      assert.strictEqual(networkOf("fe80::1%eth0"), "fe80:0:0:0::/56")
      assert.strictEqual(networkOf("::1"), "0:0:0:0::/56")
      assert.strictEqual(networkOf("::2:3:4:5:6:7:8"), "0:2:3:0::/56")
      assert.strictEqual(networkOf("1::"), "1:0:0:0::/56")
      assert.strictEqual(networkOf("64:ff9b::192.0.2.1"), "64:ff9b:0:0::/56")
      assert.strictEqual(networkOf("1:2:3:400:5:6:192.0.2.1"), "1:2:3:400::/56")
      assert.strictEqual(networkOf("192.0.2.1"), "192.0.2.1")
    })
  })

  it("keeps every limit under any sequence of events", () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      const admission = new Admission(rateless)
      const inbound = new Map<number, { host: string; state: "silent" | "greeted" | "established" }>()
      const count = (test: (one: { host: string; state: string }) => boolean) =>
        [...inbound.values()].filter(test).length
      let id = 0
      for (const { act, host, pick } of events) {
        const [chosen] = [...inbound.keys()].slice(pick % Math.max(1, inbound.size))
        const one = chosen === undefined ? undefined : inbound.get(chosen)
        if (act === "enter") {
          const entered = enter(admission, ++id, host)
          if (entered === "refused") continue
          if (entered !== undefined) {
            // One that greeted goes only where none is silent.
            const lowest = count(({ state }) => state === "silent") > 0 ? "silent" : "greeted"
            assert.strictEqual(inbound.get(entered)?.state, lowest)
            inbound.delete(entered)
          }
          inbound.set(id, { host, state: "silent" })
        } else if (chosen !== undefined && one !== undefined) {
          if (act === "greet") {
            admission.helloValid(chosen)
            if (one.state === "silent") one.state = "greeted"
          } else if (act === "establish") {
            admission.established(chosen)
            one.state = "established"
          } else {
            admission.closed(chosen)
            inbound.delete(chosen)
          }
        }
        assert.strictEqual(admission.addresses, new Set([...inbound.values()].map(({ host }) => host)).size)
        assert.strictEqual(admission.halfOpen, count(({ state }) => state !== "established"))
        assert.isAtMost(admission.halfOpen, 4)
        assert.isAtMost(count((one) => one.host === host && one.state !== "established"), 3)
        assert.isAtMost(count((one) => one.host === host && one.state === "established"), 5)
      }
    }))
  })
})

const event = fc.record({
  act: fc.constantFrom("enter", "enter", "enter", "greet", "establish", "close"),
  host: fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1"),
  pick: fc.nat()
})
