import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { defaults } from "../../src/domain/Limits.js"
import * as Liveness from "../../src/domain/Liveness.js"

const never = Number.NEGATIVE_INFINITY

/** The states of a peer heard last at 0, judged once an interval from `start` on, at the times given. */
const states = (start: number, floor: number, rounds: number, from: "Connected" | "Stale" = "Connected") => {
  const found: Array<string> = []
  let state: "Connected" | "Stale" | "Close" = from
  for (let round = 0; round < rounds && state !== "Close"; round++) {
    state = Liveness.assess({ state, heardMillis: 0 }, floor, start + round * 5_000, defaults)
    found.push(state)
  }
  return found
}

describe("Liveness", () => {
  it("is Stale after 15 s of silence and closed after two intervals more", () => {
    assert.deepStrictEqual(states(0, never, 9), [
      "Connected",
      "Connected",
      "Connected",
      "Stale",
      "Stale",
      "Close"
    ])
    const peer = { state: "Connected", heardMillis: 0 } as const
    assert.strictEqual(Liveness.assess(peer, never, 14_999, defaults), "Connected")
    assert.strictEqual(Liveness.assess(peer, never, 15_000, defaults), "Stale")
    assert.strictEqual(Liveness.assess({ ...peer, state: "Stale" }, never, 24_999, defaults), "Stale")
    assert.strictEqual(Liveness.assess({ ...peer, state: "Stale" }, never, 25_000, defaults), "Close")
  })

  it("is Connected again once it is heard", () => {
    assert.strictEqual(
      Liveness.assess({ state: "Stale", heardMillis: 20_000 }, never, 20_001, defaults),
      "Connected"
    )
  })

  it("is shown Stale before it is closed, however late the round comes", () => {
    assert.strictEqual(
      Liveness.assess({ state: "Connected", heardMillis: 0 }, never, 1e9, defaults),
      "Stale"
    )
  })

  it("gives every peer one interval after this process slept", () => {
    const woken = 60_000
    const floor = Liveness.floor(never, 5_000, woken, defaults)
    assert.deepStrictEqual(states(woken, floor, 9), ["Connected", "Stale", "Stale", "Close"])
    assert.deepStrictEqual(states(woken, floor, 9, "Stale"), ["Stale", "Stale", "Stale", "Close"])
    const answered = { state: "Connected", heardMillis: woken + 10 } as const
    assert.strictEqual(Liveness.assess(answered, floor, woken + 5_000, defaults), "Connected")
  })

  it("takes no ordinary round for a sleep", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 7_500 }), (last, gap) => {
        assert.strictEqual(Liveness.floor(never, last, last + gap, defaults), never)
      })
    )
  })

  it("never closes a peer that was heard within 15 s", () => {
    const time = fc.integer({ min: 0, max: 1e6 })
    fc.assert(
      fc.property(
        fc.constantFrom("Connected" as const, "Stale" as const),
        time,
        time,
        fc.integer({ min: 0, max: 14_999 }),
        (state, heardMillis, floor, silence) => {
          assert.strictEqual(
            Liveness.assess({ state, heardMillis }, floor, heardMillis + silence, defaults),
            "Connected"
          )
        }
      )
    )
  })

  it("lets who has many sessions ask up to a tenth of the interval before who has one", () => {
    const next = (random: number, sessions: number) => Liveness.nextPingMillis(random, sessions, defaults)
    const last = 1 - Number.EPSILON
    assert.strictEqual(Liveness.leastPingMillis(defaults), 4_500)
    assert.deepStrictEqual([next(0, 1), next(last, 1)], [5_000, 5_000])
    assert.deepStrictEqual([next(0, 2), Math.round(next(last, 2))], [4_750, 4_875])
    assert.deepStrictEqual([next(0, 1_000), Math.round(next(last, 1_000))], [4_500.5, 4_750])
  })
})
