import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Agenda, type Entry } from "../../src/simulation/Agenda.js"

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ enter: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ cancel: fc.nat(40) }) },
    { weight: 3, arbitrary: fc.constant("take" as const) }
  ),
  { maxLength: 80 }
)

describe("Agenda", () => {
  it("gives what a sorted list would: by time, then by entry, without what was cancelled", () => {
    fc.assert(fc.property(steps, (script) => {
      const agenda = new Agenda()
      const entries: Array<Entry> = []
      const taken: Array<number> = []
      const model = new Map<number, number>()
      const first = () =>
        [...model].reduce<readonly [number, number] | undefined>(
          (least, item) => least === undefined || item[1] < least[1] ? item : least,
          undefined
        )
      for (const step of script) {
        if (step === "take") {
          const expected = first()
          agenda.take()?.()
          if (expected !== undefined) model.delete(expected[0])
          assert.strictEqual(taken.pop(), expected?.[0])
        } else if ("enter" in step) {
          const number = entries.length
          model.set(number, step.enter)
          entries.push(agenda.enter(step.enter, () => taken.push(number)))
        } else {
          entries[step.cancel]?.cancel()
          model.delete(step.cancel)
        }
        assert.strictEqual(agenda.nextMicros(), first()?.[1])
      }
    }))
  })

  it("keeps no more than waits once the cancelled ones come up", () => {
    const agenda = new Agenda()
    for (let at = 0; at < 100; at++) agenda.enter(at, () => {}).cancel()
    agenda.enter(100, () => {})
    assert.strictEqual(agenda.nextMicros(), 100)
    assert.strictEqual(agenda.size, 1)
    agenda.take()
    assert.strictEqual(agenda.take(), undefined)
    assert.strictEqual(agenda.size, 0)
  })

  it("says of an entry that it has happened", () => {
    const agenda = new Agenda()
    const entry = agenda.enter(1, () => {})
    assert.isDefined(entry.action)
    agenda.take()
    assert.isUndefined(entry.action)
  })
})
