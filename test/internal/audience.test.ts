import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { Audience } from "../../src/internal/audience.js"

const sent = (datagrams: number) => ({ ev: "beacon.sent", datagrams, interfaces: [] }) as const
const candidate = (port: number) => ({ endpoint: Endpoint.make("10.0.0.1", port), nodeId: NodeId.make("A") })

const listener = () => {
  const told: Array<unknown> = []
  const note = (one: unknown): void => void told.push(one)
  return { told, candidate: note, report: note }
}

describe("Audience", () => {
  it.effect("keeps the first of what nobody heard for the first to listen, and for nobody else", () =>
    Effect.gen(function*() {
      const audience = new Audience(2)
      const [first, second] = [listener(), listener()]
      for (const number of [1, 2, 3]) {
        audience.report(sent(number))
        audience.candidate(candidate(number))
      }
      yield* Effect.scoped(Effect.gen(function*() {
        yield* audience.listen(first)
        yield* audience.listen(second)
        audience.report(sent(4))
      }))
      audience.report(sent(5))
      assert.deepStrictEqual(first.told, [sent(1), sent(2), candidate(1), candidate(2), sent(4)])
      assert.deepStrictEqual(second.told, [sent(4)])
    }))
})
