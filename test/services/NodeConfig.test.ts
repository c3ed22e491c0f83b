import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"

const id = NodeId.make("A")
const peer = "ab".repeat(32) as PeerId
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
    ]
  ]
  it.each(wrong)("are refused: %s", (text, settings) => {
    assert.throws(() => NodeConfig.make({ id, ...settings }), RangeError, `NodeConfig.${text}`)
    assert.throws(() => NodeConfig.layer({ id, ...settings }), RangeError)
  })
})
