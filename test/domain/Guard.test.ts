import { assert, describe, it, vi } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { Source } from "../../src/domain/BackOff.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { Guard, type Verdict } from "../../src/domain/Guard.js"
import { defaults } from "../../src/domain/Limits.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import * as Reason from "../../src/domain/Reason.js"

const at = (port: number): Endpoint.Endpoint => Endpoint.make("10.0.0.1", port)
const a = at(1)
const b = at(2)
const peer = "ab".repeat(32) as PeerId
const stranger = "cd".repeat(32) as PeerId
const sources: ReadonlyArray<Source> = ["manual", "automatic", "timed"]

/** The verdicts of the three kinds of wishes at one moment, asked of guards in the same state. */
const verdicts = (prepare: (guard: Guard) => void, nowMillis: number, expected?: string) =>
  Object.fromEntries(sources.map((source) => {
    const guard = new Guard(defaults)
    prepare(guard)
    return [source, guard.ask(a, source, expected, nowMillis).verdict]
  }))

const dial = (guard: Guard, nowMillis: number, source: Source = "manual"): void =>
  assert.deepStrictEqual(guard.ask(a, source, undefined, nowMillis), { verdict: "dial", retryInMillis: 0 })

const refuse = (guard: Guard, nowMillis: number, random = 0): number =>
  guard.failed(a, "ConnectionRefused", undefined, nowMillis, random).waitMillis

/** Dials again and again as early as it may, and says how long each back-off was. */
const backoffs = (guard: Guard, source: Source, count: number): ReadonlyArray<number> => {
  let nowMillis = 0
  return Array.from({ length: count }, () => {
    dial(guard, nowMillis, source)
    const wait = refuse(guard, nowMillis)
    nowMillis += wait
    return wait
  })
}

const abandoned = (guard: Guard) => {
  dial(guard, 0)
  guard.failed(a, "Duplicate", undefined, 10, 0)
}

const failed = (guard: Guard) => {
  dial(guard, 0)
  assert.strictEqual(refuse(guard, 100), 2_500)
}

const connected = (guard: Guard) => {
  dial(guard, 0)
  guard.established(a, peer, 50)
}

const lost = (guard: Guard) => {
  connected(guard)
  guard.lost(a, "Shutdown", 100, 0)
}

const met = (guard: Guard) => {
  dial(guard, 0)
  guard.failed(a, "Duplicate", peer, 10, 0)
  guard.peerOpened(peer, undefined)
}

const gone = (guard: Guard) => {
  guard.peerOpened(peer, a)
  guard.peerClosed(peer)
}

const claimed = (guard: Guard) => {
  dial(guard, 0)
  guard.established(a, peer, 10)
  guard.lost(a, "Shutdown", 20, 0)
  guard.peerOpened(stranger, a)
}

const itself = (guard: Guard) => {
  dial(guard, 0)
  assert.isFalse(guard.failed(a, "SelfConnection", undefined, 10, 0).failure)
}

/** How a session of some length leaves an endpoint that had failed once before. */
const after = (sessionMillis: number, reason: Reason.Reason) => {
  const guard = new Guard(defaults)
  dial(guard, 0)
  refuse(guard, 0)
  dial(guard, 10_000)
  guard.established(a, peer, 10_000)
  const wait = guard.lost(a, reason, 10_000 + sessionMillis, 0)
  return { wait, failures: guard.explain(a, 10_000 + sessionMillis)?.failures }
}

const small = { ...defaults, endpoints: 4 }
const abandon = (guard: Guard, endpoint: Endpoint.Endpoint, nowMillis: number) => {
  assert.strictEqual(guard.ask(endpoint, "manual", undefined, nowMillis).verdict, "dial")
  guard.failed(endpoint, "Stopped", undefined, nowMillis, 0)
}
const known = (guard: Guard, ports: ReadonlyArray<number>) =>
  ports.filter((port) => guard.explain(at(port), 0) !== undefined)

const abandonOver = (guard: Guard, from: number) => {
  for (let port = from; port < from + 20; port++) abandon(guard, at(port), port)
}

describe("Guard", () => {
  describe("wishes", () => {
    it("lets a first one through, and holds one dial in flight", () => {
      assert.deepStrictEqual(verdicts((guard) => dial(guard, 0), 5_000), {
        manual: "in flight",
        automatic: "deduplicated",
        timed: "in flight"
      })
    })

    it("drops automatic ones within 900 ms of the last attempt, and no others", () => {
      assert.deepStrictEqual(verdicts(abandoned, 899), {
        manual: "dial",
        automatic: "deduplicated",
        timed: "dial"
      })
      assert.deepStrictEqual(verdicts(abandoned, 900).automatic, "dial")
      const guard = new Guard(defaults)
      abandoned(guard)
      assert.strictEqual(guard.ask(a, "automatic", undefined, 300).retryInMillis, 600)
    })

    it("holds all of them back after a failure, and says for how long", () => {
      assert.deepStrictEqual(verdicts(failed, 2_599), {
        manual: "backing off",
        automatic: "backing off",
        timed: "backing off"
      })
      assert.deepStrictEqual(verdicts(failed, 2_600), { manual: "dial", automatic: "dial", timed: "dial" })
      const guard = new Guard(defaults)
      failed(guard)
      assert.strictEqual(guard.ask(a, "manual", undefined, 600).retryInMillis, 2_000)
      assert.strictEqual(guard.ask(a, "automatic", undefined, 600).retryInMillis, 2_000)
    })

    it("knows the endpoint of a session that a dial became, until it is lost", () => {
      assert.deepStrictEqual(verdicts(connected, 1e6), {
        manual: "connected",
        automatic: "deduplicated",
        timed: "connected"
      })
      assert.deepStrictEqual(verdicts(lost, 1e6), { manual: "dial", automatic: "dial", timed: "dial" })
    })

    it("knows a peer that was met at the endpoint, whoever dialled", () => {
      assert.deepStrictEqual(verdicts(met, 1e6), {
        manual: "connected",
        automatic: "deduplicated",
        timed: "connected"
      })
      assert.strictEqual(
        verdicts((guard) => {
          met(guard)
          guard.peerClosed(peer)
        }, 1e6).timed,
        "dial"
      )
    })

    it("believes a peer that dialled us where it listens, but keeps nobody from a dial of his own for it", () => {
      assert.strictEqual(verdicts((guard) => guard.peerOpened(peer, a), 0).automatic, "deduplicated")
      assert.strictEqual(verdicts((guard) => guard.peerOpened(peer, a), 0).manual, "dial")
      assert.strictEqual(verdicts((guard) => guard.peerOpened(peer, a), 0).timed, "dial")
      assert.strictEqual(verdicts((guard) => guard.peerOpened(peer, b), 0).automatic, "dial")
      assert.strictEqual(verdicts(gone, 0).automatic, "dial")
    })

    it("takes no session for one of its dials where none is in flight", () => {
      assert.strictEqual(
        verdicts((guard) => {
          abandoned(guard)
          guard.established(a, peer, 20)
        }, 1e6).timed,
        "dial"
      )
    })

    it("remembers the one of two peers that claim an endpoint whose session stands", () => {
      const claimedTwice = (guard: Guard) => {
        guard.peerOpened(peer, a)
        guard.peerOpened(stranger, a)
        guard.peerClosed(peer)
      }
      assert.strictEqual(verdicts(claimedTwice, 0).automatic, "deduplicated")
    })

    it("remembers whom it met when a later dial meets nobody", () => {
      const guard = new Guard(defaults)
      dial(guard, 0)
      guard.failed(a, "TooManyPeers", peer, 0, 0)
      dial(guard, 10_000)
      refuse(guard, 10_000)
      assert.strictEqual(guard.explain(a, 10_000)?.peer, peer)
    })

    it("believes whom it met at an endpoint more than another that claims it", () => {
      assert.strictEqual(verdicts(claimed, 1e6).timed, "dial")
    })

    it("knows the peer that a wish expects, by its key or 16 digits of it", () => {
      const opened = (guard: Guard) => guard.peerOpened(peer, undefined)
      for (const key of [peer, peer.slice(0, 16)]) {
        assert.strictEqual(verdicts(opened, 0, key).automatic, "deduplicated")
        assert.strictEqual(verdicts(opened, 0, key).manual, "connected")
      }
      for (const key of [stranger, peer.slice(0, 15), ""]) {
        assert.strictEqual(verdicts(opened, 0, key).automatic, "dial")
      }
      const closed = (guard: Guard) => {
        guard.peerOpened(peer, undefined)
        guard.peerOpened(peer, a)
        guard.peerClosed(peer)
      }
      assert.strictEqual(verdicts(closed, 0, peer.slice(0, 16)).automatic, "dial")
    })

    it("never dials an endpoint again that is this very node", () => {
      assert.deepStrictEqual(verdicts(itself, 1e12), { manual: "self", automatic: "self", timed: "self" })
    })
  })

  describe("back-off", () => {
    it("doubles from 2.5 to 12 s for manual and timed dials, from 2 to 15 s for automatic ones", () => {
      const manual = [2_500, 5_000, 10_000, 12_000, 12_000]
      assert.deepStrictEqual(backoffs(new Guard(defaults), "manual", 5), manual)
      assert.deepStrictEqual(backoffs(new Guard(defaults), "timed", 5), manual)
      assert.deepStrictEqual(backoffs(new Guard(defaults), "automatic", 5), [
        2_000,
        4_000,
        8_000,
        15_000,
        15_000
      ])
    })

    it("is the longest at once for what only a person can set right", () => {
      for (const reason of Reason.all.filter((reason) => Reason.classOf(reason) === "permanent")) {
        const guard = new Guard(defaults)
        dial(guard, 0)
        assert.deepStrictEqual(guard.failed(a, reason, peer, 0, 0), { failure: true, waitMillis: 12_000 })
      }
    })

    it("does not come of an attempt that nobody is to blame for", () => {
      for (const reason of Reason.all.filter((reason) => Reason.classOf(reason) === "none")) {
        const guard = new Guard(defaults)
        dial(guard, 0)
        assert.deepStrictEqual(guard.failed(a, reason, undefined, 0, 0.5), {
          failure: false,
          waitMillis: 1_250
        })
        assert.strictEqual(guard.explain(a, 0)?.failures, 0)
      }
    })

    it("grows by a session that broke within 15 s, and forgets failures after 15 s", () => {
      assert.deepStrictEqual(after(14_999, "Truncated"), { wait: 5_000, failures: 2 })
      assert.deepStrictEqual(after(14_999, "Shutdown"), { wait: 0, failures: 1 })
      assert.deepStrictEqual(after(15_000, "Truncated"), { wait: 0, failures: 0 })
      assert.deepStrictEqual(after(15_000, "Shutdown"), { wait: 0, failures: 0 })
      assert.deepStrictEqual(after(1e6, "DuplicateIdentity"), { wait: 12_000, failures: 1 })
    })

    it("lets a lost endpoint be redialled after a random wait that stands against nobody else", () => {
      const guard = new Guard(defaults)
      dial(guard, 0)
      guard.established(a, peer, 0)
      assert.strictEqual(guard.lost(a, "Truncated", 20_000, 0.5), 1_250)
      dial(guard, 20_000)
    })

    it("is too short for no flap: twelve dials in two minutes of resets every 2 s", () => {
      const guard = new Guard(defaults)
      let dials = 0
      for (let nowMillis = 0; nowMillis < 120_000;) {
        dial(guard, nowMillis, "timed")
        dials++
        guard.established(a, peer, nowMillis)
        nowMillis += 2_000
        nowMillis += guard.lost(a, "ConnectionReset", nowMillis, 0)
      }
      assert.isAtMost(dials, 12)
    })
  })

  describe("table", () => {
    it("forgets the least recently used", () => {
      const guard = new Guard(small)
      for (const port of [1, 2, 3, 4]) abandon(guard, at(port), port)
      abandon(guard, at(1), 5)
      abandon(guard, at(5), 6)
      abandon(guard, at(6), 7)
      assert.deepStrictEqual(known(guard, [1, 2, 3, 4, 5, 6]), [1, 4, 5, 6])
    })

    it("keeps what is wanted, dialled, connected or backing off", () => {
      const guard = new Guard(small)
      guard.want(at(1), 0)
      guard.ask(at(2), "manual", undefined, 0)
      guard.ask(at(3), "manual", undefined, 0)
      guard.established(at(3), peer, 0)
      assert.strictEqual(guard.ask(at(3), "manual", undefined, 0).verdict, "connected")
      guard.ask(at(4), "manual", undefined, 0)
      guard.failed(at(4), "ConnectionRefused", undefined, 0, 0)
      abandonOver(guard, 5)
      assert.deepStrictEqual(known(guard, [1, 2, 3]), [1, 2, 3])
    })

    it("lets one that backs off go only when nothing else can, and the one that is soonest over", () => {
      const guard = new Guard(small)
      for (const port of [1, 2, 3]) {
        guard.ask(at(port), "manual", undefined, 0)
        guard.failed(at(port), "ConnectionRefused", undefined, 0, 1 - port / 10)
      }
      abandonOver(guard, 10)
      assert.deepStrictEqual(known(guard, [1, 2, 3]), [1, 2, 3])
      guard.want(at(29), 100)
      abandon(guard, at(50), 100)
      assert.deepStrictEqual(known(guard, [1, 2, 3, 29, 50]), [1, 2, 29, 50])
    })

    it("says so when every place is held by an endpoint in use", () => {
      const guard = new Guard(small)
      for (const port of [1, 2, 3, 4]) guard.want(at(port), 0)
      for (const source of sources) {
        assert.deepStrictEqual(guard.ask(at(5), source, undefined, 0), {
          verdict: "limit",
          retryInMillis: small.redialMillis
        })
      }
      assert.strictEqual(guard.ask(at(4), "timed", undefined, 0).verdict, "dial")
      guard.unwant(at(1), 0)
      assert.strictEqual(guard.ask(at(5), "manual", undefined, 0).verdict, "dial")
      assert.strictEqual(guard.tracked, 4)
    })

    it("keeps an endpoint until the last of several wishes is taken back", () => {
      const guard = new Guard({ ...small, endpoints: 1 })
      guard.want(a, 0)
      guard.want(a, 0)
      guard.unwant(a, 0)
      assert.strictEqual(guard.ask(b, "manual", undefined, 0).verdict, "limit")
      assert.isTrue(guard.explain(a, 0)?.wanted)
      guard.unwant(a, 0)
      assert.strictEqual(guard.ask(b, "manual", undefined, 0).verdict, "dial")
    })

    it("stays within its cap, and no event of a flood takes more than a few steps a doubling of its size", () => {
      for (const endpoints of [64, 1_024, 16_384]) {
        assert.isAtMost(mostSteps(endpoints), 20 + 6 * Math.log2(endpoints))
      }
    })
  })

  describe("explains", () => {
    it("nothing of an endpoint it was never asked about", () => {
      assert.isUndefined(new Guard(defaults).explain(a, 0))
    })

    it("what it knows of any endpoint it remembers", () => {
      const guard = new Guard(defaults)
      guard.want(a, 0)
      const fresh = {
        endpoint: a,
        last: undefined,
        reason: undefined,
        failures: 0,
        retryInMillis: 0,
        wanted: true,
        inFlight: false,
        peer: undefined
      }
      assert.deepStrictEqual(guard.explain(a, 0), fresh)
      dial(guard, 0)
      const dialled = { ...fresh, last: { verdict: "dial", source: "manual" }, inFlight: true } as const
      assert.deepStrictEqual(guard.explain(a, 0), dialled)
      guard.failed(a, "NodeIdConflict", peer, 0, 0)
      assert.deepStrictEqual(guard.explain(a, 500), {
        ...dialled,
        inFlight: false,
        reason: "NodeIdConflict",
        failures: 1,
        retryInMillis: 2_000,
        peer
      })
      guard.ask(a, "automatic", undefined, 1_000)
      assert.deepStrictEqual(guard.explain(a, 1_000)?.last, { verdict: "backing off", source: "automatic" })
    })

    it("why a session ended that a dial became", () => {
      const guard = new Guard(defaults)
      connected(guard)
      guard.lost(a, "SlowPeer", 100, 0)
      assert.strictEqual(guard.explain(a, 100)?.reason, "SlowPeer")
    })

    it("failures as forgotten once a session has stood for 15 s", () => {
      const guard = new Guard(defaults)
      dial(guard, 0)
      refuse(guard, 0)
      dial(guard, 5_000)
      guard.established(a, peer, 5_000)
      assert.strictEqual(guard.explain(a, 19_999)?.failures, 1)
      assert.strictEqual(guard.explain(a, 20_000)?.failures, 0)
    })
  })

  it("keeps its books under any sequence of calls", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 300 }),
        fc.integer({ min: 1, max: 4 }),
        (events, endpoints) => {
          const guard = new Guard({ ...defaults, endpoints })
          const flying = new Set<string>()
          const count = { attempts: 0, established: 0, failures: 0, abandoned: 0 }
          let nowMillis = 0
          for (const { act, passed, peer, port, random, reason, source } of events) {
            nowMillis += passed
            const endpoint = at(port)
            const key = endpoint.toString()
            const inFlight = guard.explain(endpoint, nowMillis)?.inFlight ?? false
            assert.strictEqual(inFlight, flying.has(key))
            if (act === "ask") {
              const { retryInMillis, verdict } = guard.ask(endpoint, source, peer, nowMillis)
              assert.isAtLeast(retryInMillis, 0)
              assert.isTrue(allowed[source].includes(verdict), `${source}: ${verdict}`)
              assert.isFalse(verdict === "dial" && inFlight, "two dials in flight to one endpoint")
              assert.isFalse(verdict === "backing off" && retryInMillis === 0)
              if (verdict === "dial") {
                count.attempts++
                flying.add(key)
              }
            } else if (act === "failed") {
              const { failure, waitMillis } = guard.failed(endpoint, reason, peer, nowMillis, random)
              assert.isTrue(waitMillis >= 0 && waitMillis <= 18_000)
              if (failure) assert.isAtLeast(waitMillis, 2_000)
              assert.isFalse(failure && !inFlight, "a failure without a dial")
              if (failure) count.failures++
              else if (inFlight) count.abandoned++
              flying.delete(key)
            } else if (act === "established") {
              guard.established(endpoint, peer, nowMillis)
              if (flying.delete(key)) count.established++
            } else if (act === "lost") {
              const wait = guard.lost(endpoint, reason, nowMillis, random)
              assert.isTrue(wait >= 0 && wait <= 18_000)
            } else if (act === "opened") guard.peerOpened(peer, endpoint)
            else if (act === "closed") guard.peerClosed(peer)
            else if (act === "want") guard.want(endpoint, nowMillis)
            else guard.unwant(endpoint, nowMillis)
            assert.isAtMost(guard.tracked, endpoints)
            assert.strictEqual(
              count.attempts,
              count.established + count.failures + count.abandoned + flying.size
            )
          }
        }
      ),
      { numRuns: 500 }
    )
  })
})

const allowed: Readonly<Record<Source, ReadonlyArray<Verdict>>> = {
  manual: ["dial", "in flight", "backing off", "self", "connected", "limit"],
  timed: ["dial", "in flight", "backing off", "self", "connected", "limit"],
  automatic: ["dial", "deduplicated", "backing off", "self", "limit"]
}

const event = fc.record({
  act: fc.constantFrom(
    "ask",
    "ask",
    "ask",
    "failed",
    "established",
    "lost",
    "opened",
    "closed",
    "want",
    "unwant"
  ),
  source: fc.constantFrom(...sources),
  port: fc.integer({ min: 1, max: 6 }),
  peer: fc.constantFrom(peer, stranger),
  reason: fc.constantFrom(...Reason.all),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  passed: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 }))
})

/** Counts what is done to tables; every move within the order of the guard's table is one such step. */
class CountedMap<K, V> extends Map<K, V> {
  static steps = 0
  override get(key: K): V | undefined {
    CountedMap.steps++
    return super.get(key)
  }
  override set(key: K, value: V): this {
    CountedMap.steps++
    return super.set(key, value)
  }
  override has(key: K): boolean {
    CountedMap.steps++
    return super.has(key)
  }
  override delete(key: K): boolean {
    CountedMap.steps++
    return super.delete(key)
  }
  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }
  override entries(): MapIterator<[K, V]> {
    CountedMap.steps += this.size
    return super.entries()
  }
  override keys(): MapIterator<K> {
    CountedMap.steps += this.size
    return super.keys()
  }
  override values(): MapIterator<V> {
    CountedMap.steps += this.size
    return super.values()
  }
  override forEach(act: (value: V, key: K, map: Map<K, V>) => void): void {
    CountedMap.steps += this.size
    super.forEach(act)
  }
}

/** The most steps that one event of a flood of ever new endpoints takes. */
const mostSteps = (endpoints: number): number => {
  vi.stubGlobal("Map", CountedMap)
  const guard = new Guard({ ...defaults, endpoints })
  vi.unstubAllGlobals()
  let most = 0
  for (let event = 0; event < 3 * endpoints; event++) {
    CountedMap.steps = 0
    const endpoint = Endpoint.make(`10.0.${event >> 8}.${event & 255}`, 1)
    guard.ask(endpoint, "automatic", undefined, event)
    guard.failed(endpoint, "ConnectTimeout", undefined, event, (event * 7 % 10) / 10)
    most = Math.max(most, CountedMap.steps)
  }
  assert.strictEqual(guard.tracked, endpoints)
  assert.isAbove(most, 0)
  return most
}
