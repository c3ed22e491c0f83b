import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Counters from "../../src/domain/Counters.js"
import type { Fault } from "../../src/simulation/Fault.js"
import { History } from "../../src/simulation/History.js"
import type { Outcome } from "../../src/simulation/Run.js"
import { Timeline } from "../../src/simulation/Timeline.js"
import { happening, listening, outcomeWith, state } from "./outcomes.js"

/** Where a time of a run of 20 s is on the page. */
const x = (millis: number): number => 70 + (1_180 - 70) * millis / 20_000

const numbers = (svg: string, kind: string, attribute: string): ReadonlyArray<number> =>
  [...svg.matchAll(new RegExp(`class="${kind}"[^>]* ${attribute}="([\\d.]+)"`, "g"))].map(([, value]) =>
    Number(value)
  )

const draw = (outcome: Outcome = outcomeWith()): string => {
  const timeline = new Timeline()
  timeline.see(happening(0, "n1", listening))
  timeline.see(happening(2_000, "n1", state(1, "Handshaking", "Connected")))
  timeline.see(happening(3_000, "n1", state(2, "Handshaking", "Connected")))
  timeline.see(happening(4_000, "n1", state(1, "Connected", "Stale")))
  timeline.see(happening(6_000, "n1", state(1, "Stale", "Closed")))
  timeline.see(happening(12_000, "n1", listening, 2))
  timeline.see(happening(13_000, "n1", state(1, "Handshaking", "Connected"), 2))
  return timeline.svg(outcome)
}

const crash: Fault = { kind: "crash", fromMillis: 8_000, toMillis: 11_000, host: "n1", power: true }

describe("a timeline", () => {
  it("has a lane for each node, the silent ones too", () => {
    const svg = draw()
    assert.strictEqual(numbers(svg, "lane", "y").length, 3)
    for (const name of ["n1", "n2", "n3"]) assert.include(svg, `>${name}</text>`)
  })

  it("draws the number of peers as steps, a stale one among them", () => {
    const [first = ""] = [...draw().matchAll(/<path class="peers" d="([^"]*)"/g)].map(([, path]) =>
      path ?? ""
    )
    const steps = [...first.matchAll(/H([\d.]+)V([\d.]+)/g)].map(([, at, high]) => [Number(at), Number(high)])
    const floor = steps.at(-1)?.[1] ?? 0
    const top = Math.min(...steps.map(([, high = 0]) => high))
    const half = floor - (floor - top) / 2
    for (
      const [millis, high] of [[2_000, half], [3_000, top], [4_000, top], [6_000, half]] as const
    ) {
      const [at, drawn] = steps.find(([at = 0]) => Math.abs(at - x(millis)) < 0.1) ?? []
      assert.isDefined(at, `${millis} ms`)
      assert.approximately(drawn ?? 0, high, 0.2, `${millis} ms`)
    }
  })

  it("leaves a gap while a node is down", () => {
    const svg = draw(outcomeWith({ faults: [crash] }))
    const [first, second] = numbers(svg, "up", "x")
    const [wide] = numbers(svg, "up", "width")
    assert.approximately((first ?? 0) + (wide ?? 0), x(8_000), 0.2)
    assert.approximately(second ?? 0, x(12_000), 0.2)
  })

  it("shades what a fault concerns, names it, and marks a freeze", () => {
    const faults: ReadonlyArray<Fault> = [
      { kind: "loss", fromMillis: 1_000, toMillis: 5_000, fraction: 0.2 },
      { kind: "freeze", fromMillis: 14_000, toMillis: 15_000, host: "n2" },
      {
        kind: "partition",
        fromMillis: 14_000,
        toMillis: 15_000,
        hosts: ["n1"],
        others: ["n2"],
        oneWay: false
      }
    ]
    const svg = draw(outcomeWith({ faults }))
    assert.include(svg, "loss 20%</text>")
    const [whole = 0, ...lanes] = numbers(svg, "shade", "height")
    assert.approximately(whole, 3 * (lanes[0] ?? 0), 0.1)
    assert.strictEqual(lanes.length, 2)
    assert.approximately(numbers(svg, "shade", "x")[0] ?? 0, x(1_000), 0.1)
    assert.approximately(numbers(svg, "frozen", "x")[0] ?? 0, x(14_000), 0.1)
    // Names that would stand on each other have rows of their own.
    assert.strictEqual(new Set(numbers(svg, "fault", "y")).size, 2)
  })

  it("marks the healing and the law that was broken", () => {
    const svg = draw(outcomeWith({
      violation: { law: "peers", text: "<n1> & \"n2\"", atMicros: 4_000_000, nodes: [] }
    }))
    assert.approximately(numbers(svg, "healed", "x1")[0] ?? 0, x(10_000), 0.1)
    assert.approximately(numbers(svg, "broken", "x1")[0] ?? 0, x(4_000), 0.1)
    assert.include(svg, "broken: peers")
    assert.notInclude(draw(), "class=\"broken\"")
  })

  it("escapes what is not its own", () => {
    const name = "<script>&\"\u0007"
    const svg = draw(outcomeWith({
      nodes: [{ name, lives: 1, counters: Counters.zero }],
      faults: [{ ...crash, host: name }]
    }))
    assert.notInclude(svg, "<script")
    assert.notMatch(svg.replaceAll("\n", ""), /\p{Cc}/u)
    assert.include(svg, "&#60;script&#62;&#38;&#34; ")
  })

  it("is the same for the same run, and small for a long one", () => {
    assert.strictEqual(draw(), draw())
    const timeline = new Timeline()
    for (let at = 0; at < 200_000; at++) {
      const [from, to] = at % 2 === 0
        ? ["Handshaking", "Connected"] as const
        : ["Connected", "Closed"] as const
      timeline.see(happening(at / 10, `n${at % 3 + 1}`, state(Math.floor(at / 6), from, to)))
    }
    const faults = Array.from({ length: 2_000 }, (_, at) => ({ ...crash, fromMillis: at, toMillis: 20_000 }))
    const svg = timeline.svg(outcomeWith({ faults }))
    assert.isBelow(svg.length, 1_000_000)
    assert.include(svg, "more faults")
  })
})

it("a history in few moments keeps the last value and the least", () =>
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000_000 }), fc.nat(9)), { minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 50 }),
    (changes, count) => {
      const sorted = changes.toSorted(([a], [b]) => a - b)
      const history = new History()
      for (const [at, value] of sorted) history.add(at, value)
      const moments = history.within(count)
      assert.isAtMost(moments.length, count)
      assert.strictEqual(moments.at(-1)?.last, sorted.at(-1)?.[1])
      assert.strictEqual(
        Math.min(...moments.map(({ least }) => least)),
        Math.min(...sorted.map(([, value]) => value))
      )
    }
  )))
