import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"

const id = NodeId.make("A")
const peer = "ab".repeat(32) as PeerId
const limits = (some: Partial<Limits.Limits>) => ({ limits: { ...Limits.defaults, ...some } })
const networkKey = (bytes: Uint8Array) => ({ networkKey: Option.some(Redacted.make(bytes)) })
const stranger = "cd".repeat(32) as PeerId

describe("the settings of a node", () => {
  it.each([
    "localhost:9001",
    "LOCALHOST:9001",
    "tcp://localhost:9001",
    "localhost:9001/",
    new Endpoint.Endpoint({ host: "LocalHost", port: 9_001 }).toString()
  ])("pin the endpoint that is written %s", (key) =>
    assert.deepStrictEqual(
      [...NodeConfig.make({ id, pins: new Map([[key, peer]]) }).pins],
      [[Endpoint.make("localhost", 9_001).toString(), peer]]
    ))

  const wrong: ReadonlyArray<readonly [string, Partial<NodeConfig.Settings>]> = [
    [
      "pins \"localhost\": expected host:port, tcp://host:port or [ipv6]:port, such as 127.0.0.1:9001",
      { pins: new Map([["localhost", peer]]) }
    ],
    [
      "pins \"B:9001\": expected one key alone for b:9001",
      { pins: new Map([["b:9001", peer], ["B:9001", stranger]]) }
    ],
    ["networkKey of 0 bytes: expected 32 bytes", networkKey(new Uint8Array(0))],
    ["networkKey of 33 bytes: expected 32 bytes", networkKey(new Uint8Array(33).fill(7))],
    [
      "networkKey of zeros alone: expected random bytes, or none for the open network",
      networkKey(new Uint8Array(32))
    ],
    ["id \"\": expected 1 to 64 bytes of UTF-8", { id: "" as NodeId }],
    ["port 70000: expected a whole number from 0 to 65535", { port: 70_000 }],
    ["port NaN: expected a whole number from 0 to 65535", { port: Number.NaN }],
    ["port 1.5: expected a whole number from 0 to 65535", { port: 1.5 }],
    [
      "connectDelayMillis -1: expected a whole number from 0 to 2147483647",
      { connectDelayMillis: -1 }
    ],
    [
      "capabilities \"Role\": expected a key of 1 to 32 characters of [a-z0-9._-]",
      { capabilities: { Role: "worker" } }
    ],
    [
      `capabilities.role "${"x".repeat(65)}": expected at most 64 characters of printable ASCII`,
      { capabilities: { role: "x".repeat(65) } }
    ],
    [
      "capabilities of 17 keys: expected at most 16",
      { capabilities: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, ""])) }
    ],
    ["limits.peers NaN: expected a finite number of 0 or more", limits({ peers: Number.NaN })],
    ["limits.dialMillis -1: expected a finite number of 0 or more", limits({ dialMillis: -1 })],
    [
      "limits.connectionsPerSecond Infinity: expected a finite number of 0 or more",
      limits({ connectionsPerSecond: Number.POSITIVE_INFINITY })
    ],
    ["limits.pingMillis 0: expected a finite number of 1 or more", limits({ pingMillis: 0 })],
    ["limits.redialMillis 0: expected a finite number of 1 or more", limits({ redialMillis: 0 })],
    ["limits.sendQueueSoftBytes 0: expected a finite number of 1 or more", limits({ sendQueueSoftBytes: 0 })],
    ["limits.beaconJitter 1.5: expected a fraction from 0 to 1", limits({ beaconJitter: 1.5 })],
    [
      "limits.peers undefined: expected a finite number of 0 or more",
      { limits: { ...Limits.defaults, peers: undefined as unknown as number } }
    ]
  ]
  it.each(wrong)("are refused: %s", (text, settings) => {
    assert.throws(() => NodeConfig.make({ id, ...settings }), RangeError, `NodeConfig.${text}`)
    assert.throws(() => NodeConfig.layer({ id, ...settings }), RangeError)
  })

  it("are refused with all that is wrong", () =>
    assert.throws(
      () => NodeConfig.make({ id, port: -1, ...limits({ peers: -1, endpoints: -1 }) }),
      RangeError,
      /^NodeConfig\.port -1: .*\nNodeConfig\.limits\.peers -1: .*\nNodeConfig\.limits\.endpoints -1: .*$/
    ))

  it("may have limits of 0, and any that end", () => {
    const odd = limits({ peers: 0, manualBackoffMillis: 0, sendQueueHardBytes: Number.MAX_VALUE })
    assert.deepStrictEqual(NodeConfig.make({ id, ...odd }).limits, odd.limits)
  })
})
