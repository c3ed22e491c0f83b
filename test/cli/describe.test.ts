import { assert, describe, it } from "@effect/vitest"
import { describe as told } from "../../src/cli/describe.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as Reason from "../../src/domain/Reason.js"
import { connected, key } from "./standIns.js"

const failed: Extract<NodeEvent, { readonly ev: "dial.failed" }> = {
  ev: "dial.failed",
  atMillis: 0,
  conn: 1,
  endpoint: "127.0.0.1:9001",
  reason: "ConnectionRefused",
  failures: 1,
  retryInMillis: 2_512
}
const rejected: Extract<NodeEvent, { readonly ev: "handshake.rejected" }> = {
  ev: "handshake.rejected",
  atMillis: 0,
  conn: 1,
  endpoint: "127.0.0.1:9002",
  reason: "NodeIdConflict",
  peer: key,
  nodeId: NodeId.make("B")
}

describe("people are told", () => {
  it.each<readonly [NodeEvent, string, string]>([
    [
      { ev: "listening", atMillis: 0, address: "0.0.0.0", port: 9_001, key },
      "info",
      "listening on port 9001, all addresses, PeerId a1a1a1a1a1a1a1a1…"
    ],
    [connected, "info", "peer B (a1a1a1a1a1a1a1a1…, trust any) connected, inbound, 127.0.0.1:9002"],
    [
      { ...connected, from: "Connected", to: "Closed", reason: "Shutdown", origin: "remote" },
      "info",
      "peer B (a1a1a1a1a1a1a1a1…, trust any) lost: the peer said goodbye"
    ],
    [
      { ...connected, from: "Connected", to: "Closed", reason: "ConnectionReset" },
      "warn",
      "peer B (a1a1a1a1a1a1a1a1…, trust any) lost: the connection was reset"
    ],
    [
      { ...connected, from: "Connected", to: "Stale", reason: "Silence" },
      "warn",
      "peer B (a1a1a1a1a1a1a1a1…, trust any) is stale: nothing was heard from the peer"
    ],
    [
      { ...connected, from: "Stale", to: "Connected", reason: "Heard" },
      "info",
      "peer B (a1a1a1a1a1a1a1a1…, trust any): the peer was heard again"
    ],
    [
      failed,
      "warn",
      "dial to 127.0.0.1:9001 failed: nothing listens there; start the other node first, or use --connect-delay; next try in 2.5 s"
    ],
    [
      { ...connected, direction: "outbound", to: "Closed", reason: "SelfConnection" },
      "warn",
      "dial to 127.0.0.1:9002: this endpoint is this very node; it is not dialled again"
    ],
    [
      { ...rejected, reason: "NotAllowed" },
      "warn",
      "refused peer B (a1a1a1a1a1a1a1a1…) from 127.0.0.1:9002: refused by a deny-list or allow-list; have this peer's key added"
    ],
    [
      {
        ev: "id.conflict",
        atMillis: 0,
        nodeId: NodeId.make("A"),
        peer: key,
        endpoint: "127.0.0.1:9002",
        reason: "NodeIdConflict"
      },
      "warn",
      "id conflict with peer A (a1a1a1a1a1a1a1a1…) at 127.0.0.1:9002: another live node has this node id; give each node an --id of its own"
    ]
  ])("%j", (event, level, text) => assert.deepStrictEqual(told(event), { level, text }))

  it("nothing by default of what is nobody's concern", () => {
    const quiet: ReadonlyArray<NodeEvent> = [
      { ...connected, from: "Disconnected", to: "Connecting", reason: "Dialling" },
      { ...connected, from: "Connecting", to: "Handshaking", reason: "TcpEstablished" },
      { ...connected, from: "Connected", to: "Closed", reason: "Stopped" },
      { ...connected, from: "Connected", to: "Closed", reason: "Duplicate" },
      { ...connected, from: "Connected", to: "Closed", reason: "Replaced" },
      { ...failed, reason: "Duplicate" },
      { ...rejected, reason: "Duplicate" },
      // The id.conflict event tells of it.
      rejected,
      { ev: "peer.rtt", atMillis: 0, conn: 1, peer: key, nodeId: NodeId.make("B"), rttMillis: 1 }
    ]
    for (const event of quiet) assert.match(told(event)?.level ?? "", /^(debug|trace)$/)
  })

  it("of strangers only what somebody can set right", () => {
    for (const reason of Reason.all) {
      const { nodeId: _, peer: __, ...stranger } = { ...rejected, reason }
      const expected = reason === "LegacyPeer" || reason === "NotMember" ? "warn" : "debug"
      assert.strictEqual(told(stranger)?.level, expected)
    }
  })

  it("why, for every reason, in one harmless line", () => {
    const hostile = "\u001b[2J\u202e\nx".repeat(2_000)
    for (const reason of Reason.all) {
      const line = told({
        ...connected,
        nodeId: hostile as NodeId,
        detail: hostile,
        from: "Connected",
        to: "Closed",
        reason
      })
      assert.notMatch(line?.text ?? "", /[\p{Cc}\p{Cf}]/u)
      assert.isAtMost(line?.text.length ?? 0, 2_048)
    }
  })
})
