import { assert, it } from "@effect/vitest"
import * as Counters from "../../src/domain/Counters.js"
import { PeerId } from "../../src/domain/PeerId.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { Ledger } from "../../src/simulation/Ledger.js"
import { listening, state } from "./outcomes.js"

it("a lost peer is shown for a minute, in whole milliseconds of a node's clock", () => {
  const ledger = new Ledger(NodeConfig.defaults)
  const peer = { direction: "inbound", peer: PeerId.make("ab".repeat(32)), session: "cd".repeat(32) } as const
  for (
    const [event, atMillis] of [
      [listening, 0],
      [state(1, "Disconnected", "Handshaking", { direction: "inbound", reason: "Accepted" }), 70_000],
      [state(1, "Handshaking", "Connected", { ...peer, reason: "Established" }), 70_001],
      [state(1, "Connected", "Closed", { ...peer, reason: "ConnectionReset" }), 73_022.131]
    ] as const
  ) assert.isUndefined(ledger.take(event, atMillis))
  const judged = (total: number, atMillis: number) =>
    ledger.counted(
      { ...Counters.zero, handshakes_started: 1, handshakes_completed: 1, peers_total: total },
      atMillis
    )?.text
  assert.strictEqual(judged(0, 133_020), "peers_total is 0, but the events make 1 to 1")
  assert.isUndefined(judged(1, 133_020))
  // The node may have rounded the one up and the other down.
  assert.isUndefined(judged(0, 133_021.343))
  assert.isUndefined(judged(1, 133_021.343))
  assert.isUndefined(judged(0, 133_023))
})
