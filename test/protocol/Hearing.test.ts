import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import { Hearing, type Meaning } from "../../src/protocol/Hearing.js"

const ours = "00000000000000aa"
const theirs = "00000000000000bb"
const lan = { name: "eth0", address: "192.168.1.5", netmask: "255.255.255.0" }

const make = (network?: string, limits: Partial<Limits.Limits> = {}) => {
  const hearing = new Hearing(ours, network, { ...Limits.defaults, ...limits })
  hearing.interfaces = [lan]
  let nonce = 0
  return (changes: Partial<Beacon.Beacon> = {}, host = "192.168.1.9", nowMillis = 0): Meaning =>
    hearing.hear(
      Beacon.encode({
        nodeId: NodeId.make("B"),
        port: 9_002,
        sentMillis: 0,
        nonce: nonce++,
        version: "2.0",
        key: theirs,
        ...changes
      }),
      host,
      nowMillis
    )
}

const why = (meaning: Meaning) => meaning._tag === "Ignored" ? meaning.why : meaning._tag

describe("Hearing", () => {
  it("makes a candidate of the source address and the port of the body", () => {
    const meaning = make()({}, "192.168.1.9")
    assert.deepInclude(meaning, { _tag: "Heard", own: false, newcomer: true })
    if (meaning._tag !== "Heard") return
    assert.strictEqual(`${meaning.candidate?.endpoint}`, "192.168.1.9:9002")
    assert.deepInclude(meaning.candidate, { nodeId: "B", key: theirs })
  })

  it("knows its own beacon by the key alone, in whatever network", () => {
    const hear = make("deadbeef")
    assert.deepInclude(hear({ key: ours, network: "deadbeef" }), {
      own: true,
      candidate: undefined,
      newcomer: false
    })
    assert.deepInclude(hear({ key: ours }, "192.168.1.200"), {
      own: true,
      candidate: undefined,
      newcomer: false
    })
  })

  it("shows a node of version 1, and does not dial it", () => {
    const meaning = make()({ version: "1.0" })
    assert.deepInclude(meaning, { _tag: "Heard", candidate: undefined, newcomer: true })
  })

  it("does not dial a node that has no place, until that one has again", () => {
    const hear = make()
    const isCandidate = (meaning: Meaning) => meaning._tag === "Heard" && meaning.candidate !== undefined
    assert.isTrue(isCandidate(hear()))
    assert.deepInclude(hear({ full: true }), { _tag: "Heard", candidate: undefined, newcomer: false })
    assert.isTrue(isCandidate(hear()))
  })

  it("hears its own network and no other", () => {
    assert.strictEqual(why(make("deadbeef")({ network: "deadbeef" })), "Heard")
    assert.strictEqual(why(make("deadbeef")({ network: "00000000" })), "OtherNetwork")
    assert.strictEqual(why(make("deadbeef")()), "OtherNetwork")
    assert.strictEqual(why(make()({ network: "deadbeef" })), "OtherNetwork")
  })

  it("hears nobody from beyond the local network", () => {
    assert.strictEqual(why(make()({}, "192.168.2.9")), "OffLink")
    assert.strictEqual(why(make()({}, "127.0.0.1")), "OffLink")
    assert.strictEqual(why(make()({}, "fe80::1")), "OffLink")
  })

  it("gives those from beyond no share of what is read", () => {
    const hear = make(undefined, { beaconsPerSecond: 1, beaconsBurst: 1 })
    for (let at = 0; at < 200; at++) assert.strictEqual(why(hear({}, `192.168.2.${at}`)), "OffLink")
    assert.strictEqual(why(hear()), "Heard")
    assert.strictEqual(why(hear({}, "192.168.1.10")), "RateLimited")
  })

  it("makes one candidate of the copies that come in by several interfaces", () => {
    const hear = make()
    assert.strictEqual(why(hear({ nonce: 7 })), "Heard")
    assert.deepStrictEqual(hear({ nonce: 7 }, "192.168.1.10"), { _tag: "Repeated", own: false })
    assert.deepStrictEqual([hear({ key: ours, nonce: 7 }), hear({ key: ours, nonce: 7 })].at(-1), {
      _tag: "Repeated",
      own: true
    })
  })

  it("lets a forged source name few endpoints, and this host any number", () => {
    const hear = make()
    const endpoints = (host: string) =>
      Array.from(
        { length: 100 },
        (_, at) => why(hear({ port: at + 1, key: `${at}`.padStart(16, "0") }, host))
      )
    assert.strictEqual(endpoints("192.168.1.66").filter((each) => each === "Heard").length, 8)
    assert.strictEqual(endpoints("192.168.1.66").filter((each) => each === "Crowded").length, 92)
    assert.strictEqual(endpoints("192.168.1.5").filter((each) => each === "Heard").length, 100)
  })

  it("reads no more than its share of a flood", () => {
    const hear = make(undefined, { beaconsPerAddressPerSecond: 10, beaconsPerAddressBurst: 20 })
    const flood = Array.from({ length: 50_000 }, (_, at) => why(hear({}, "192.168.1.9", at / 50)))
    assert.isAtMost(flood.filter((each) => each === "Heard").length, 30)
    assert.strictEqual(why(hear({}, "192.168.1.10", 1_000)), "Heard")
  })

  it("asks no price for garbage: it does not count against those who speak well", () => {
    const hearing = new Hearing(ours, undefined, { ...Limits.defaults, beaconsPerAddressBurst: 1 })
    hearing.interfaces = [lan]
    for (const garbage of [new Uint8Array(65_507), new Uint8Array(100), new Uint8Array()]) {
      const meaning = hearing.hear(garbage, "192.168.1.9", 0)
      assert.include(["TooLong", "NotJson"], why(meaning))
    }
    const beacon = { nodeId: NodeId.make("B"), port: 1, sentMillis: 0, nonce: 0, version: "2.0" }
    assert.strictEqual(why(hearing.hear(Beacon.encode(beacon), "192.168.1.9", 0)), "Heard")
  })
})
