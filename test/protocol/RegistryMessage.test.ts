import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { defaults } from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerId } from "../../src/domain/PeerId.js"
import * as RegistryMessage from "../../src/protocol/RegistryMessage.js"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const own = PeerId.make("0".repeat(64))
const other = PeerId.make("ab".repeat(32))
const good = { node_id: "A", host: "127.0.0.1", tcp_port: 9001 }

const harvest = (listed: ReadonlyArray<unknown>, limits = {}) =>
  RegistryMessage.harvest(listed, own, { ...defaults, ...limits }, false)

const entries = (text: string) => RegistryMessage.entries(bytes(text), defaults.registryValues)

describe("RegistryMessage", () => {
  it("announces as the original does, and the key with it", () => {
    assert.strictEqual(
      JSON.stringify(RegistryMessage.announcement(NodeId.make("A"), 9001, other)),
      `{"node_id":"A","tcp_port":9001,"cap":{"proto":"2.0","transport":"tcp"},"key":"${other}"}`
    )
  })

  it("knows an acknowledgement", () => {
    assert.isTrue(RegistryMessage.isAcknowledged(bytes(`{"ok":true}`)))
    assert.isTrue(RegistryMessage.isAcknowledged(bytes(` {"ttl":45,"ok":true} `)))
    for (const text of ["", "ok", "true", "null", "{}", `{"ok":false}`, `{"ok":"true"}`, `[{"ok":true}]`]) {
      assert.isFalse(RegistryMessage.isAcknowledged(bytes(text)), text)
    }
  })

  it("knows a refusal for want of room", () => {
    const isFull = (text: string) => RegistryMessage.isFull(bytes(text), 8)
    for (const tag of ["HostFull", "Full"]) {
      assert.isTrue(isFull(`{"message":"as many as it may have","_tag":"${tag}"}`))
    }
    for (
      const text of [
        "",
        "Full",
        "null",
        `{"_tag":"Unavailable"}`,
        `["Full"]`,
        `{"_tag":"Full","a":[{},{},{},{},{},{}]}`
      ]
    ) {
      assert.isFalse(isFull(text), text)
    }
  })

  it("reads the list of the manual", () => {
    const listed = entries(`{"peers":[{"node_id":"A","host":"127.0.0.1","tcp_port":9001}]}`)
    assert.deepStrictEqual(listed, Option.some([good]))
    assert.deepStrictEqual(harvest(Option.getOrThrow(listed)), {
      candidates: [{ endpoint: Endpoint.make("127.0.0.1", 9001), nodeId: "A" }],
      skipped: 0
    })
  })

  it("takes the key, and ignores what it does not know", () => {
    const { candidates } = harvest([{ ...good, key: other, cap: { proto: "9" }, load: 1 }])
    assert.deepStrictEqual(candidates, [
      { endpoint: Endpoint.make("127.0.0.1", 9001), nodeId: "A", key: other }
    ])
  })

  it("leaves out itself, by its key, and an endpoint that was named before", () => {
    assert.deepStrictEqual(harvest([{ ...good, key: own }]), { candidates: [], skipped: 1 })
    const mapped = { ...good, node_id: "B", host: "::ffff:127.0.0.1" }
    const { candidates, skipped } = harvest([good, good, mapped])
    assert.deepStrictEqual([candidates.length, candidates[0]?.nodeId, skipped], [1, "A", 2])
  })

  it("refuses bad entries one by one", () => {
    const bad: ReadonlyArray<unknown> = [
      null,
      1,
      "A",
      [],
      {},
      { ...good, tcp_port: 0 },
      { ...good, tcp_port: 65_536 },
      { ...good, tcp_port: -1 },
      { ...good, tcp_port: 1.5 },
      { ...good, tcp_port: "80" },
      { ...good, tcp_port: JSON.parse("1e999") },
      { ...good, tcp_port: Number.NaN },
      { ...good, host: 7 },
      { ...good, host: "" },
      { ...good, host: "host/path" },
      { ...good, host: "user:password@host" },
      { ...good, host: "239.255.0.1" },
      { ...good, host: "169.254.169.254" },
      { ...good, host: "a".repeat(10_000) },
      { ...good, node_id: "" },
      { ...good, node_id: "\u001b[2J" },
      { ...good, node_id: "\u202eA" },
      { ...good, node_id: "A".repeat(10_000) },
      { ...good, key: "ab" },
      { ...good, key: other.toUpperCase() },
      { ...good, key: null },
      JSON.parse(`{"__proto__":{"node_id":"A","host":"127.0.0.1","tcp_port":9001}}`)
    ]
    for (const entry of bad) {
      assert.deepStrictEqual(harvest([entry]), { candidates: [], skipped: 1 }, JSON.stringify(entry))
    }
    const { candidates, skipped } = harvest([...bad, good])
    assert.deepStrictEqual([candidates.length, skipped], [1, bad.length])
  })

  it("is not led astray by the names of prototypes", () => {
    const polluting = JSON.parse(`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},
      "node_id":"A","host":"127.0.0.1","tcp_port":9001}`)
    assert.strictEqual(harvest([polluting]).candidates.length, 1)
    assert.isFalse("polluted" in {})
  })

  it("takes so many and looks at so many, and counts the rest", () => {
    const many = Array.from({ length: 300 }, (_, at) => ({ ...good, tcp_port: at + 1 }))
    const { candidates, skipped } = harvest(many)
    assert.deepStrictEqual([candidates.length, skipped], [256, 44])
    assert.deepStrictEqual(harvest([1, 2, good], { registryEntries: 2 }), { candidates: [], skipped: 3 })
  })

  it("finds no list in anything else, nor in one that would cost too much", () => {
    const none = [
      "",
      "nonsense",
      "[]",
      "null",
      "{}",
      `{"peers":{}}`,
      `{"peers":null}`,
      `{"peers":"A"}`,
      `{"peers":[NaN]}`,
      `{"peers":[`,
      `{"peers":[${"[".repeat(500_000)}${"]".repeat(500_000)}]}`,
      `{"peers":[${"{},".repeat(300_000)}{}]}`
    ]
    for (const text of none) assert.isTrue(Option.isNone(entries(text)), text.slice(0, 40))
    assert.isTrue(Option.isNone(RegistryMessage.entries(Uint8Array.of(0xff, 0xfe), 10)))
  })

  it("is total, and takes nothing that cannot be dialled", () => {
    const part = fc.oneof(fc.string(), fc.integer(), fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant(null))
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.record({ node_id: part, host: part, tcp_port: part, key: part }, { requiredKeys: [] })
    )
    fc.assert(
      fc.property(fc.array(entry), (peers) => {
        const listed = Option.getOrThrow(entries(JSON.stringify({ peers })))
        const { candidates, skipped } = harvest(listed)
        assert.strictEqual(candidates.length + skipped, peers.length)
        for (const { endpoint } of candidates) {
          assert.strictEqual(Endpoint.parse(endpoint.toString())._tag, "Right")
        }
      }),
      { numRuns: 10_000 }
    )
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        RegistryMessage.entries(body, 100)
        RegistryMessage.isAcknowledged(body)
      }),
      { numRuns: 10_000 }
    )
  })

  it("reads Retry-After in seconds and as a date", () => {
    const now = Date.parse("2026-01-01T00:00:00Z")
    const table: ReadonlyArray<readonly [string, number | undefined]> = [
      ["0", 0],
      ["120", 120_000],
      ["Thu, 01 Jan 2026 00:01:30 GMT", 90_000],
      ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
      ["", undefined],
      ["-1", undefined],
      ["1.5", undefined],
      ["soon", undefined],
      ["2026", 2_026_000],
      ["Thu, 99 Foo 2026 00:01:30 GMT", undefined],
      ["2026-01-01", undefined]
    ]
    for (const [header, millis] of table) {
      assert.strictEqual(RegistryMessage.retryAfterMillis(header, now), millis, header)
    }
  })
})
