/** Who is let in under which name and key, and what both ends learn of a refusal. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import { classOf, type Reason } from "../../src/domain/Reason.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import type { Identity } from "../../src/services/Identity.js"
import { concat } from "../protocol/bytes.js"
import { signer } from "../protocol/parties.js"
import { answer, fresh, greet, join, party, type Peer, share } from "./peer.js"
import { type Options, start, type Subject } from "./subject.js"
import { dial, listen, Wire } from "./wire.js"

const identity = (): Identity["Type"] => {
  const own = signer(fresh())
  return { ...own, peerId: PeerId.fromKey(own.publicKey) }
}

const stranger = PeerId.fromKey(fresh())
const alice = NodeId.make("alice")
const bob = NodeId.make("bob")

interface Refusal {
  readonly name: string
  /** The settings of both nodes, given their keys and where Bob listens. */
  readonly alice?: (of: { readonly bob: PeerId.PeerId; readonly at: string }) => Options
  readonly bob?: (of: { readonly alice: PeerId.PeerId }) => Options
  /** What Alice, who dials, is told; and what Bob sees. */
  readonly dialled: Reason
  readonly rejected: Reason
}

const key = (bytes: Uint8Array) => ({ networkKey: Option.some(Redacted.make(bytes)) })

const refusals: ReadonlyArray<Refusal> = [
  {
    name: "the dialled one's deny-list",
    bob: (of) => ({ denied: new Set([of.alice]) }),
    dialled: "NotAllowed",
    rejected: "NotAllowed"
  },
  {
    name: "the dialled one's allow-list",
    bob: () => ({ allowed: Option.some(new Set([stranger])) }),
    dialled: "NotAllowed",
    rejected: "NotAllowed"
  },
  {
    name: "the dialler's deny-list",
    alice: (of) => ({ denied: new Set([of.bob]) }),
    dialled: "NotAllowed",
    rejected: "RemoteClosed"
  },
  {
    name: "the dialler's allow-list",
    alice: () => ({ allowed: Option.some(new Set<PeerId.PeerId>()) }),
    dialled: "NotAllowed",
    rejected: "RemoteClosed"
  },
  {
    name: "a pin on another key",
    alice: (of) => ({ pins: new Map([[of.at, stranger]]) }),
    dialled: "IdentityMismatch",
    rejected: "RemoteClosed"
  },
  {
    name: "a dialler known by another key",
    bob: () => ({ knownPeers: new Map([[alice, stranger]]) }),
    dialled: "IdentityMismatch",
    rejected: "IdentityMismatch"
  },
  {
    name: "a dialled one known by another key",
    alice: () => ({ knownPeers: new Map([[bob, stranger]]) }),
    dialled: "IdentityMismatch",
    rejected: "RemoteClosed"
  },
  {
    name: "the same node id",
    alice: () => ({ id: bob }),
    dialled: "NodeIdConflict",
    rejected: "NodeIdConflict"
  },
  {
    name: "no place",
    bob: () => ({ limits: { peers: 0 } }),
    dialled: "TooManyPeers",
    rejected: "TooManyPeers"
  },
  {
    name: "the dialler's network key",
    alice: () => key(fresh()),
    dialled: "RemoteClosed",
    rejected: "NotMember"
  },
  {
    name: "the dialled one's network key",
    bob: () => key(fresh()),
    dialled: "RemoteClosed",
    rejected: "NotMember"
  }
]

/** Alice dials Bob in vain: what she is told, what he sees, and that she does not try again at once. */
const inVain = (a: Subject, b: Subject, dialled: Reason, rejected: Reason) =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(a.node.connect(b.node.address))
    assert.strictEqual(error.reason, dialled)
    assert.strictEqual((yield* b.until("handshake.rejected")).reason, rejected)
    assert.deepInclude(yield* a.until("dial.failed"), { reason: dialled, failures: 1 })
    assert.deepInclude(yield* a.stats.snapshot, {
      connect_failures: 1,
      handshakes_completed: 0,
      peers_total: 0
    })
    assert.deepInclude(yield* b.stats.snapshot, {
      handshakes_started: 1,
      handshakes_completed: 0,
      peers_total: 0
    })
    // What a person has to set right is left alone for the longest time.
    assert.isAtLeast(error.retryInMillis, classOf(dialled) === "permanent" ? 11_900 : 2_400)
    assert.strictEqual((yield* Effect.flip(a.node.connect(b.node.address))).reason, "backing off")
    assert.strictEqual((yield* a.stats.snapshot).connect_attempts, 1)
  })

const conflicts = ({ events }: Subject) =>
  events.flatMap((event) =>
    event.ev === "id.conflict" ? [{ nodeId: event.nodeId, reason: event.reason }] : []
  )

describe("identities", () => {
  it.scopedLive.each(refusals)("$name: both ends learn why", (row) =>
    Effect.gen(function*() {
      const [own, his] = [identity(), identity()]
      const b = yield* start({ id: bob, identity: his, ...row.bob?.({ alice: own.peerId }) })
      const at = String(b.node.address)
      const a = yield* start({ id: alice, identity: own, ...row.alice?.({ bob: his.peerId, at }) })
      yield* inVain(a, b, row.dialled, row.rejected)
      if (row.dialled === "NodeIdConflict") {
        for (const end of [a, b]) {
          assert.deepInclude(conflicts(end), { nodeId: "bob", reason: "NodeIdConflict" })
        }
      }
    }))

  it.scopedLive("a copied key: both ends say so loudly, and neither takes the other for itself", () =>
    Effect.gen(function*() {
      const copied = identity()
      const b = yield* start({ id: bob, identity: copied })
      const a = yield* start({ id: alice, identity: copied })
      yield* inVain(a, b, "DuplicateIdentity", "DuplicateIdentity")
      assert.deepStrictEqual(conflicts(a), [{ nodeId: "bob", reason: "DuplicateIdentity" }])
      assert.deepStrictEqual(conflicts(b), [{ nodeId: "alice", reason: "DuplicateIdentity" }])
    }))

  it.scopedLive("peers that lists and pins name are let in, and are shown with that trust", () =>
    Effect.gen(function*() {
      const [own, his] = [identity(), identity()]
      const b = yield* start({
        id: bob,
        identity: his,
        allowed: Option.some(new Set([own.peerId])),
        knownPeers: new Map([[alice, own.peerId]])
      })
      const a = yield* start({
        id: alice,
        identity: own,
        pins: new Map([[String(b.node.address), his.peerId]])
      })
      assert.strictEqual((yield* a.node.connect(b.node.address)).trust, "pinned")
      yield* b.until("peer.state", ({ to }) => to === "Connected")
      assert.deepStrictEqual((yield* b.node.peers).map(({ trust }) => trust), ["known"])
    }))

  it.scopedLive("a second peer with the name of the first is refused, and the first one stays", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const holder = yield* join(subject.node.address, party({ nodeId: "alice" }))
      yield* holder.ping
      const claimant = yield* join(subject.node.address, party({ nodeId: "alice" }))
      assert.deepInclude(yield* claimant.hear, { _tag: "Close", reason: "NodeIdConflict" })
      yield* holder.ping
      assert.deepStrictEqual(conflicts(subject), [{ nodeId: "alice", reason: "NodeIdConflict" }])
    }))

  it.scopedLive("of a dialled stranger nothing is told who we are before it has proven its key", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      let heard = 0
      const endpoint = yield* listen((socket) =>
        socket.on("data", (chunk: Buffer) => {
          heard += chunk.length
          socket.end(Envelope.clear(Envelope.types.HelloAck, 1, concat(share().publicKey, fresh(300))))
        })
      )
      yield* Effect.flip(subject.node.connect(endpoint))
      assert.strictEqual(heard, 72)
    }))

  it.scopedLive("two that come back under one key in turn, again and again, are found out", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const twin = party({ nodeId: "twin" })
      let last = yield* join(subject.node.address, twin)
      yield* last.ping
      for (let swap = 0; swap < 3; swap++) {
        const next = yield* join(subject.node.address, { ...twin, instance: fresh(16) })
        yield* next.ping
        assert.deepInclude((yield* last.rest).at(-1), { _tag: "Close", reason: "Replaced" })
        last = next
      }
      const tooMany = yield* join(subject.node.address, { ...twin, instance: fresh(16) })
      assert.deepInclude(yield* tooMany.hear, { _tag: "Close", reason: "DuplicateIdentity" })
      yield* last.ping
    }))

  it.scopedLive("an older dial of the same peer is refused as Duplicate, a newer one replaces it", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const local = party()
      const dialled = (connSeq: bigint) => join(subject.node.address, local, { connSeq, seenSeq: 0n })
      const second = yield* dialled(2n)
      yield* second.ping
      for (const connSeq of [1n, 2n]) {
        assert.deepInclude(yield* (yield* dialled(connSeq)).hear, { _tag: "Close", reason: "Duplicate" })
      }
      yield* second.ping
      const third = yield* dialled(3n)
      yield* third.ping
      assert.deepInclude((yield* second.rest).at(-1), { _tag: "Close", reason: "Replaced" })
      assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
    }))

  it.scopedLive.each<readonly [reason: Reason, code: Uint8Array]>([
    ["NotAllowed", Uint8Array.of(7, 0)],
    ["TooManyPeers", Uint8Array.of(9, 0)],
    ["Shutdown", Uint8Array.of(1, 0)],
    ["ProtocolError", Uint8Array.of(10, 0)]
  ])("a dialled peer that answers with Close(%s) is believed", ([reason, code]) =>
    Effect.gen(function*() {
      const subject = yield* start()
      const endpoint = yield* listen((socket) =>
        Effect.runFork(
          Effect.flatMap(
            answer(new Wire(socket), party()),
            (peer) =>
              peer === undefined
                ? Effect.void
                : peer.say(Envelope.types.Close, concat(code, fresh(1).fill(0)))
          )
        )
      )
      assert.strictEqual((yield* Effect.flip(subject.node.connect(endpoint))).reason, reason)
      assert.strictEqual((yield* subject.stats.snapshot).handshakes_completed, 0)
    }))

  it.scopedLive("a name that was taken while our dial waited for its confirmation is not borne twice", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const finished = yield* Deferred.make<Peer>()
      const endpoint = yield* listen((socket) =>
        Effect.runFork(
          Effect.flatMap(
            answer(new Wire(socket), party({ nodeId: "bob" })),
            (peer) => peer === undefined ? Effect.void : Deferred.succeed(finished, peer)
          )
        )
      )
      const dialling = yield* Effect.fork(Effect.flip(subject.node.connect(endpoint)))
      const slow = yield* Deferred.await(finished)
      const quick = yield* join(subject.node.address, party({ nodeId: "bob" }))
      yield* quick.ping
      yield* slow.say(Envelope.types.Ping, fresh(8))
      assert.strictEqual((yield* Fiber.join(dialling)).reason, "NodeIdConflict")
      assert.deepInclude((yield* slow.rest).at(-1), { _tag: "Close", reason: "NodeIdConflict" })
      assert.deepStrictEqual(conflicts(subject), [{ nodeId: "bob", reason: "NodeIdConflict" }])
      yield* quick.ping
      assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
    }))

  it.scopedLive("a peer that claims another node's port keeps nobody from dialling that node", () =>
    Effect.gen(function*() {
      const subject = yield* start()
      const other = yield* start({ id: NodeId.make("other") })
      const liar = yield* join(subject.node.address, party({ listenPort: other.node.address.port }))
      yield* liar.ping
      assert.strictEqual((yield* subject.node.connect(other.node.address)).id, other.node.peerId)
    }))

  it.scopedLive("newcomers are let in though every half-open place is held by a Hello with nothing behind it", () =>
    Effect.gen(function*() {
      const subject = yield* start({ limits: { halfOpen: 16 } })
      yield* Effect.forEach(
        Array.from({ length: 16 }),
        () => Effect.flatMap(dial(subject.node.address), (wire) => greet(wire, party())),
        { concurrency: 16 }
      )
      const honest = yield* join(subject.node.address)
      yield* honest.ping
      assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
    }))
})
