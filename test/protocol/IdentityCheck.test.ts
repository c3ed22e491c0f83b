import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import type { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import type { CloseReason } from "../../src/domain/Reason.js"
import * as IdentityCheck from "../../src/protocol/IdentityCheck.js"
import type { Proven } from "../../src/protocol/IdentityPayload.js"
import { unhex } from "./bytes.js"

const key = (digit: string): PeerId => digit.repeat(64) as PeerId
const [ours, theirs, third] = [key("1"), key("2"), key("3")]
const [me, you] = ["me" as NodeId, "you" as NodeId]

const peer: Proven = {
  minor: 0,
  publicKey: unhex(theirs),
  peerId: theirs,
  instance: "ab".repeat(16),
  connSeq: 1n,
  seenSeq: 0n,
  listenPort: 0,
  nodeId: you,
  capabilities: {}
}

const welcoming: IdentityCheck.Knowledge = {
  own: { peerId: ours, instance: "cd".repeat(16), nodeId: me },
  pin: Option.none(),
  denied: new Set(),
  allowed: Option.none(),
  knownPeers: new Map(),
  holderOf: () => undefined,
  room: true
}

interface Obstacle {
  readonly name: string
  readonly reason: CloseReason
  readonly peer?: Partial<Proven>
  readonly knowledge?: Partial<IdentityCheck.Knowledge>
}

/** In the order of the protocol's table. */
const obstacles: ReadonlyArray<Obstacle> = [
  {
    name: "our own key and instance",
    reason: "SelfConnection",
    peer: { peerId: ours, instance: welcoming.own.instance }
  },
  { name: "our own key, another instance", reason: "DuplicateIdentity", peer: { peerId: ours } },
  { name: "another key than the pin", reason: "IdentityMismatch", knowledge: { pin: Option.some(third) } },
  { name: "a denied key", reason: "NotAllowed", knowledge: { denied: new Set([theirs, ours]) } },
  {
    name: "a key that is not on the list",
    reason: "NotAllowed",
    knowledge: { allowed: Option.some(new Set([third])) }
  },
  {
    name: "a name known by another key",
    reason: "IdentityMismatch",
    knowledge: { knownPeers: new Map([[you, third], [me, third]]) }
  },
  { name: "our own name", reason: "NodeIdConflict", peer: { nodeId: me } },
  { name: "a name that a live peer has", reason: "NodeIdConflict", knowledge: { holderOf: () => third } },
  { name: "a full house", reason: "TooManyPeers", knowledge: { room: false } }
]

const judge = (present: ReadonlyArray<Obstacle>) =>
  IdentityCheck.check(
    Object.assign({}, peer, ...present.map(({ peer }) => peer).toReversed()),
    Object.assign({}, welcoming, ...present.map(({ knowledge }) => knowledge).toReversed())
  )

describe("check", () => {
  it("welcomes a peer that nothing stands against", () => assert.isUndefined(judge([])))

  it.each(obstacles)("refuses $name: $reason", (obstacle) => {
    assert.strictEqual(judge([obstacle]), obstacle.reason)
  })

  it("names the first of several reasons, in the order of the table", () =>
    fc.assert(
      fc.property(fc.subarray([...obstacles], { minLength: 1 }), (present) => {
        assert.strictEqual(judge(present), present[0]?.reason)
      }),
      { numRuns: 1_000 }
    ))

  it("takes the key that was pinned, is listed, is known by that name or has it", () => {
    const knowledge: IdentityCheck.Knowledge = {
      ...welcoming,
      pin: Option.some(theirs),
      denied: new Set([third]),
      allowed: Option.some(new Set([theirs])),
      knownPeers: new Map([[you, theirs]]),
      holderOf: (nodeId) => nodeId === you ? theirs : third
    }
    assert.isUndefined(IdentityCheck.check(peer, knowledge))
  })
})

describe("trustOf", () => {
  it.each<readonly [string, Option.Option<PeerId>, ReadonlyArray<readonly [NodeId, PeerId]>]>([
    ["pinned", Option.some(theirs), [[you, theirs]]],
    ["known", Option.none(), [[you, theirs]]],
    ["any", Option.none(), [[me, theirs]]],
    ["any", Option.none(), []]
  ])("says %s", (expected, pin, known) => {
    assert.strictEqual(IdentityCheck.trustOf(peer, { pin, knownPeers: new Map(known) }), expected)
  })
})

describe("reactionTo", () => {
  it("lets a responder say why, and an initiator only where both ends' people should know", () => {
    for (const { reason } of obstacles) {
      assert.strictEqual(IdentityCheck.reactionTo(reason, "responder"), "close")
      const warned = ["SelfConnection", "DuplicateIdentity", "NodeIdConflict"].includes(reason)
      assert.strictEqual(IdentityCheck.reactionTo(reason, "initiator"), warned ? "close" : "destroy")
    }
    assert.strictEqual(IdentityCheck.reactionTo("Duplicate", "initiator"), "destroy")
  })
})
