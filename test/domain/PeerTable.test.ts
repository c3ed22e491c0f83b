import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerId } from "../../src/domain/PeerId.js"
import { PeerTable } from "../../src/domain/PeerTable.js"

const peer = (n: number) => PeerId.make(n.toString(16).padStart(64, "0"))
const session = (n: number, conn = n, connSeq = 1n) => ({
  conn,
  peer: peer(n),
  nodeId: NodeId.make(`n${n}`),
  instance: `i${n}`,
  connSeq,
  pinned: false
})
const limits = { ...Limits.defaults, peers: 8, peersReserved: 16, lostPeers: 4 }

describe("PeerTable", () => {
  it("counts a peer from Connected until a minute after it was lost", () => {
    const table = new PeerTable(limits)
    table.commit(session(1), 0)
    assert.deepStrictEqual(table.gauges(0), { total: 0, connected: 0 })
    table.moved(peer(1), 1, "Connected", 0)
    assert.deepStrictEqual(table.gauges(0), { total: 1, connected: 1 })
    table.moved(peer(1), 1, "Stale", 0)
    assert.deepStrictEqual(table.gauges(0), { total: 1, connected: 1 })
    assert.isTrue(table.ended(peer(1), 1, 1_000))
    assert.deepStrictEqual(table.gauges(60_999), { total: 1, connected: 0 })
    assert.deepStrictEqual(table.gauges(61_000), { total: 0, connected: 0 })
  })

  it("does not lose a peer whose old session ends after a newer one took over", () => {
    const table = new PeerTable(limits)
    table.accept(session(1, 1), 0)
    table.accept(session(1, 2, 2n), 0)
    assert.isFalse(table.ended(peer(1), 1, 1))
    assert.strictEqual(table.current(peer(1))?.conn, 2)
    assert.deepStrictEqual(table.gauges(1), { total: 1, connected: 1 })
  })

  it("keeps an eighth of its places for outbound and pinned peers", () => {
    const table = new PeerTable(limits)
    for (let n = 1; n <= 7; n++) table.accept(session(n), 0)
    assert.isFalse(table.room(peer(99), "inbound", false).room)
    assert.isTrue(table.room(peer(99), "inbound", true).room)
    assert.isTrue(table.room(peer(99), "outbound", false).room)
    assert.isTrue(table.room(peer(1), "inbound", false).room, "a peer with a session needs no place")
  })

  it("takes strangers for as long as a place is free for one, or a Stale one gives up its own", () => {
    const table = new PeerTable(limits)
    for (let n = 1; n <= 7; n++) {
      assert.isTrue(table.takesStrangers)
      table.accept(session(n), 0)
    }
    assert.deepStrictEqual([table.takesStrangers, table.full], [false, false])
    table.commit(session(8), 0)
    assert.deepStrictEqual([table.takesStrangers, table.full], [false, true])
    table.moved(peer(3), 3, "Stale", 0)
    assert.isTrue(table.takesStrangers)
    table.evict(3)
    assert.isFalse(table.takesStrangers)
    table.ended(peer(3), 3, 0)
    assert.isTrue(table.takesStrangers)
  })

  it("lets an inbound Stale peer make room", () => {
    const table = new PeerTable(limits)
    for (let n = 1; n <= 7; n++) table.accept(session(n), 0)
    table.moved(peer(3), 3, "Stale", 0)
    assert.deepStrictEqual(table.room(peer(99), "inbound", false), { room: true, evict: 3 })
    table.moved(peer(3), 3, "Connected", 0)
    assert.isFalse(table.room(peer(99), "inbound", false).room)
  })

  it("lets a Stale peer make room for one newcomer only, though it takes a moment to go", () => {
    const table = new PeerTable(limits)
    for (let n = 1; n <= 7; n++) table.accept(session(n), 0)
    table.moved(peer(3), 3, "Stale", 0)
    table.evict(3)
    assert.deepStrictEqual(table.room(peer(99), "inbound", false), { room: false })
  })

  it("knows who bears a node id for as long as that peer lives", () => {
    const table = new PeerTable(limits)
    table.accept(session(1), 0)
    assert.strictEqual(table.holderOf(NodeId.make("n1")), peer(1))
    table.ended(peer(1), 1, 0)
    assert.isUndefined(table.holderOf(NodeId.make("n1")))
  })

  it("remembers the greatest number accepted from an instance, also after the session", () => {
    const table = new PeerTable(limits)
    table.accept(session(1, 1, 5n), 0)
    table.ended(peer(1), 1, 0)
    table.accept(session(1, 2, 3n), 0)
    assert.strictEqual(table.seenSeq(peer(1), "i1"), 5n)
    assert.strictEqual(table.seenSeq(peer(1), "other"), 0n)
  })

  it("stays within its caps and its gauges agree with what happened, whatever happens", () => {
    const step = fc.record({
      kind: fc.constantFrom("accept", "commit", "connected", "stale", "ended"),
      n: fc.integer({ min: 1, max: 12 }),
      conn: fc.integer({ min: 1, max: 30 })
    })
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const table = new PeerTable(limits)
      const live = new Map<number, { conn: number; state: string }>()
      steps.forEach(({ conn, kind, n }, at) => {
        const held = live.get(n)
        if (kind === "accept") {
          table.accept(session(n, conn), at)
          live.set(n, { conn, state: "Connected" })
        } else if (kind === "commit") {
          table.commit(session(n, conn), at)
          live.set(n, { conn, state: "Handshaking" })
        } else if (kind === "ended") {
          assert.strictEqual(table.ended(peer(n), conn, at), held?.conn === conn)
          if (held?.conn === conn) live.delete(n)
        } else {
          table.moved(peer(n), conn, kind === "stale" ? "Stale" : "Connected", at)
          if (held?.conn === conn) held.state = kind
        }
        const connected = [...live.values()].filter(({ state }) => state !== "Handshaking").length
        const { connected: told, total } = table.gauges(at)
        assert.strictEqual(told, connected)
        assert.isAtLeast(total, connected)
        assert.isAtMost(table.lost(at).size, limits.lostPeers)
      })
    }))
  })
})
