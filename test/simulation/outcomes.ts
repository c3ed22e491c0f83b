import * as Counters from "../../src/domain/Counters.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { PeerId } from "../../src/domain/PeerId.js"
import type { Outcome } from "../../src/simulation/Run.js"
import type { Happening } from "../../src/simulation/Trace.js"

/** A run that passed, but for what is said of it. */
export const outcomeWith = (parts: Partial<Outcome> = {}): Outcome => ({
  seed: 7,
  verdict: parts.violation === undefined ? "passed" : "safety",
  violation: undefined,
  worldMillis: 20_000,
  actions: 1_000,
  events: 100,
  checks: 200,
  hash: "ab".repeat(32),
  healedMillis: 500,
  healedAtMillis: 10_000,
  faults: [],
  begun: new Map(),
  mishaps: new Map(),
  nodes: ["n1", "n2", "n3"].map((name) => ({ name, lives: 1, counters: Counters.zero })),
  last: [],
  ...parts
})

export const happening = (atMillis: number, node: string, event: NodeEvent, life = 1): Happening => ({
  atMicros: atMillis * 1_000,
  node,
  life,
  event
})

type StateEvent = Extract<NodeEvent, { readonly ev: "peer.state" }>

export const state = (
  conn: number,
  from: StateEvent["from"],
  to: StateEvent["to"],
  parts: Partial<StateEvent> = {}
): StateEvent => ({
  ev: "peer.state",
  atMillis: 0,
  conn,
  direction: "outbound",
  endpoint: "10.0.0.2:9001",
  from,
  to,
  reason: "Stopped",
  origin: "local",
  ...parts
})

export const listening: NodeEvent = {
  ev: "listening",
  atMillis: 0,
  address: "10.0.0.1",
  port: 9_001,
  key: PeerId.make("12".repeat(32))
}
