import { assert, describe, it } from "@effect/vitest"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerId } from "../../src/domain/PeerId.js"
import * as Failure from "../../src/simulation/Failure.js"
import type { Fault } from "../../src/simulation/Fault.js"
import { happening, listening, outcomeWith, state } from "./outcomes.js"

const faults: ReadonlyArray<Fault> = [
  { kind: "loss", fromMillis: 1_000, toMillis: 4_000, fraction: 0.05 },
  { kind: "crash", fromMillis: 5_000, toMillis: 9_000, host: "n3", power: false },
  { kind: "freeze", fromMillis: 8_000, toMillis: 9_000, host: "n2" }
]

const failed = outcomeWith({
  violation: {
    law: "one session",
    text: "n1: connections 4 and 7\nare both sessions",
    atMicros: 6_500_250,
    nodes: ["n1"]
  },
  faults,
  last: [
    happening(6_000, "n1", listening),
    happening(6_100, "n2", listening),
    happening(6_200, "n1", { ev: "beacon.sent", atMillis: 0, datagrams: 1, interfaces: ["eth0"] }),
    happening(
      6_500.25,
      "n1",
      state(7, "Handshaking", "Connected", {
        session: "cd".repeat(32),
        peer: PeerId.make("ef".repeat(32)),
        nodeId: NodeId.make("n2")
      }),
      2
    )
  ]
})

describe("the report of a failure", () => {
  it("has law, seed, time, faults, events of the nodes involved, and the command", () =>
    assert.strictEqual(
      Failure.report(failed, "vix simulate --seed 7"),
      `FAIL one session: a node has at most one session with a peer
  n1: connections 4 and 7
  are both sessions
  seed 7, 6.500 s of the world, trace ${"ab".repeat(32)}

Faults that had begun (* in force then):
    1s..4s loss 5%
  * 5s..9s crash of n3

Last events of n1:
      6.000000 s  n1  listens on 10.0.0.1:9001 with key 12121212
      6.500250 s  n1/2  outbound connection 7, 10.0.0.2:9001: Handshaking to Connected, session cdcdcdcd, peer n2 efefefef

Again:
  vix simulate --seed 7`
    ))

  it("tells of all nodes where none is named", () => {
    const { violation } = failed
    if (violation === undefined) throw new Error("it failed")
    const report = Failure.report({ ...failed, violation: { ...violation, nodes: [] } }, "")
    assert.include(report, "Last events of all nodes:")
    assert.include(report, "6.100000 s  n2  listens")
  })

  it("is bounded however much has happened", () => {
    const report = Failure.report({
      ...failed,
      faults: Array.from({ length: 500 }, (_, at) => ({
        kind: "loss",
        fromMillis: at,
        toMillis: 9_000,
        fraction: 0.1
      })),
      last: Array.from({ length: 512 }, (_, at) => happening(at, "n1", listening))
    }, "")
    assert.isBelow(report.split("\n").length, 100)
    assert.include(report, "and 460 before these")
  })

  it("has no control characters", () => {
    const { violation } = failed
    if (violation === undefined) throw new Error("it failed")
    const hostile = "\u001b[2J\u0007\u009b"
    const report = Failure.report({
      ...failed,
      violation: { ...violation, text: hostile },
      last: [happening(1, "n1", state(1, "Connected", "Closed", { detail: hostile }))]
    }, "")
    assert.notMatch(report.replaceAll("\n", ""), /\p{Cc}/u)
  })

  it("of a run that passed says that", () =>
    assert.match(Failure.report(outcomeWith(), "again!"), /^PASS seed 7, 20\.000 s of the world[^]*again!$/))
})
