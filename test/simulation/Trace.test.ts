import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { createHash } from "node:crypto"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import { type Happening, line, Trace } from "../../src/simulation/Trace.js"

const ids = fc.constantFrom(...["n1", "n2", "a \"b\" \\", "ä"].map((text) => NodeId.make(text)))

const events: fc.Arbitrary<NodeEvent> = fc.oneof(
  fc.record({
    ev: fc.constant("beacon.received" as const),
    nodeId: ids,
    endpoint: fc.constantFrom("10.0.0.1:9001", "[fe80::1]:9001"),
    key: fc.constantFrom("00000000000000aa" as PeerId, "00000000000000bb" as PeerId),
    own: fc.boolean(),
    full: fc.constant(true as const),
    atMillis: fc.nat()
  }, { requiredKeys: ["ev", "nodeId", "endpoint", "own", "atMillis"] }),
  fc.record({
    ev: fc.constant("dial.verdict" as const),
    endpoint: fc.constantFrom("10.0.0.1:9001", "[fe80::1]:9001"),
    source: fc.constantFrom("automatic" as const, "timed" as const),
    verdict: fc.constantFrom("deduplicated" as const, "backing off" as const),
    retryInMillis: fc.nat(1),
    atMillis: fc.nat()
  }, { requiredKeys: ["ev", "endpoint", "source", "verdict", "atMillis"] }),
  fc.record({
    ev: fc.constant("beacon.sent" as const),
    datagrams: fc.nat(3),
    interfaces: fc.array(ids, { maxLength: 2 }),
    atMillis: fc.nat()
  })
)

const happenings: fc.Arbitrary<ReadonlyArray<Happening>> = fc.array(
  fc.record({ atMicros: fc.nat(), node: ids, life: fc.nat(3), event: events }),
  { maxLength: 60 }
)

describe("Trace", () => {
  it("hashes one line an event, whatever it makes of those that resemble each other", () => {
    fc.assert(fc.property(happenings, (all) => {
      const trace = new Trace()
      for (const happening of all) trace.add(happening)
      const expected = createHash("sha256").update(all.map(line).join("")).digest("hex")
      assert.strictEqual(trace.hash, expected)
    }))
  })

  it("keeps the last of them, the oldest first", () => {
    const trace = new Trace()
    const happening = (atMicros: number): Happening => ({
      atMicros,
      node: "n1",
      life: 1,
      event: { ev: "beacon.sent", datagrams: 1, interfaces: [], atMillis: 0 }
    })
    for (let at = 0; at < 1_000; at++) trace.add(happening(at))
    const last = trace.last()
    assert.strictEqual(last.length, 512)
    assert.deepStrictEqual([last[0]?.atMicros, last.at(-1)?.atMicros], [488, 999])
  })
})
