import { assert, describe, it } from "@effect/vitest"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import { Sightings, type Verdict } from "../../src/domain/Sightings.js"

const make = (limits: Partial<Limits.Limits> = {}) => {
  const sightings = new Sightings({ ...Limits.defaults, ...limits })
  let nonces = 0
  return {
    sightings,
    heard: (
      host: string,
      port: number,
      { at = 0, key, nonce = nonces++, trusted = false }: {
        readonly at?: number
        readonly key?: string
        readonly nonce?: number
        readonly trusted?: boolean
      } = {}
    ): Verdict => sightings.heard({ endpoint: Endpoint.make(host, port), key, nonce }, trusted, at)
  }
}

describe("Sightings", () => {
  it("tell a newcomer from a node that was there, and one that comes back after a long silence", () => {
    const { heard } = make({ heardMillis: 1_000 })
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a" }), "newcomer")
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a", at: 900 }), "known")
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "b", at: 900 }), "newcomer")
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a", at: 1_899 }), "known")
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a", at: 2_899 }), "newcomer")
  })

  it("tell a copy by another interface from the next beacon", () => {
    const { heard } = make()
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a", nonce: 1 }), "newcomer")
    assert.strictEqual(heard("10.1.0.1", 9_001, { key: "a", nonce: 1 }), "repeated")
    assert.strictEqual(heard("10.1.0.1", 9_001, { key: "a", nonce: 2 }), "known")
    assert.strictEqual(heard("10.0.0.1", 9_001, { key: "a", nonce: 2 }), "repeated")
    assert.strictEqual(heard("10.0.0.1", 9_001, { nonce: 2 }), "newcomer")
  })

  it("believe so many endpoints of one address, whatever keys they name, until some are silent for long", () => {
    const { heard } = make({ heardPerAddress: 3, heardMillis: 1_000 })
    for (const port of [1, 2, 3]) {
      assert.strictEqual(heard("10.0.0.1", port, { key: "same" }) === "crowded", false)
    }
    for (const key of ["same", "other", undefined]) {
      assert.strictEqual(heard("10.0.0.1", 4, key === undefined ? {} : { key }), "crowded")
    }
    assert.strictEqual(heard("10.0.0.2", 4), "newcomer")
    assert.strictEqual(heard("10.0.0.1", 2, { key: "same", at: 999 }), "known")
    assert.strictEqual(heard("10.0.0.1", 4, { at: 1_000 }), "newcomer")
    assert.strictEqual(heard("10.0.0.1", 5, { at: 1_000 }), "newcomer")
    assert.strictEqual(heard("10.0.0.1", 6, { at: 1_000 }), "crowded")
  })

  it("believe any number of one that cannot be forged", () => {
    const { heard } = make({ heardPerAddress: 3 })
    for (let port = 1; port <= 100; port++) {
      assert.strictEqual(heard("127.0.0.1", port, { trusted: true }), "newcomer")
    }
  })

  it("let one address speak so often, and all of them together", () => {
    const { sightings } = make({
      beaconsPerAddressPerSecond: 10,
      beaconsPerAddressBurst: 20,
      beaconsPerSecond: 50,
      beaconsBurst: 50
    })
    const admitted = (host: string, count: number, at: number) =>
      Array.from({ length: count }, () => sightings.admitsOne(host, at) && sightings.admitsAny(at)).filter((
        one
      ) => one).length
    assert.strictEqual(admitted("10.0.0.1", 100, 0), 20)
    assert.strictEqual(admitted("10.0.0.2", 10, 0), 10)
    assert.strictEqual(admitted("10.0.0.1", 100, 1_000), 10)
    const crowd = Array.from({ length: 200 }, (_, host) => admitted(`10.0.1.${host}`, 1, 10_000))
    assert.strictEqual(crowd.filter((one) => one > 0).length, 50)
  })

  it("never fill more than their tables, whoever speaks", () => {
    const { heard, sightings } = make({ heardNodes: 50, addressesTracked: 20 })
    for (let at = 0; at < 10_000; at++) {
      sightings.admitsOne(`host ${at}`, at)
      heard(`host ${at % 500}`, 1 + at % 7, { key: `${at % 3_000}`, at })
      assert.isAtMost(sightings.nodes, 50)
      assert.isAtMost(sightings.addresses, 20)
    }
    assert.strictEqual(heard("host 499", 9, { key: "2999", at: 10_000 }), "newcomer")
    assert.strictEqual(heard("host 499", 9, { key: "999", at: 10_000 }), "known")
  })
})
