import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerId } from "../../src/domain/PeerId.js"
import type { Entry } from "../../src/protocol/RegistryMessage.js"
import { type Bounds, RegistryStore, type StoreError } from "../../src/services/RegistryStore.js"

export const entry = (
  name: string,
  { host = "10.0.0.1", key, port = 9_001 }: {
    readonly host?: string
    readonly port?: number
    /** Two hexadecimal digits. */
    readonly key?: string
  } = {}
): Entry => ({
  node_id: NodeId.make(name),
  host,
  tcp_port: port,
  ...(key === undefined ? {} : { key: PeerId.make(key.repeat(32)) })
})

/** What of `count` entries every store has room for. */
const some = (count: number, host: string): ReadonlyArray<Entry> =>
  Array.from(
    { length: count },
    (_, at) => entry(`N${at}`, { host, port: 9_001 + at, key: (at + 16).toString(16) })
  )

interface World {
  /** An empty store. */
  readonly layer: (bounds: Bounds) => Layer.Layer<RegistryStore, StoreError>
  /** Milliseconds an entry lives where that matters. */
  readonly shortMillis: number
  /** Lets time go by. */
  readonly pass: (millis: number) => Effect.Effect<void>
  /** `it.effect` or `it.live`. */
  readonly test: (name: string, body: () => Effect.Effect<void, StoreError>) => void
}

/** What every store of a registry does. */
export const contract = (title: string, { layer, pass, shortMillis, test }: World): void => {
  const usual: Bounds = { entries: 8, entriesPerHost: 3, entryMillis: 3_600_000 }
  const check = (
    name: string,
    body: (store: RegistryStore["Type"]) => Effect.Effect<void, StoreError>,
    entryMillis = usual.entryMillis
  ) =>
    test(
      name,
      () => Effect.flatMap(RegistryStore, body).pipe(Effect.provide(layer({ ...usual, entryMillis })))
    )

  describe(title, () => {
    check("lists what was announced, as it was announced", (store) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* store.list(20), [])
        const known = [entry("A", { key: "0a" }), entry("Zoë 🦊", { host: "fe80::1", port: 65_535 })]
        for (const each of known) assert.strictEqual(yield* store.put(each), "added")
        assert.sameDeepMembers([...yield* store.list(20)], known)
        assert.strictEqual(yield* store.count, 2)
      }))

    check("lists a node with a key once, under what it said last", (store) =>
      Effect.gen(function*() {
        yield* store.put(entry("A", { key: "0a" }))
        const moved = entry("B", { key: "0a", host: "10.0.0.2", port: 9_002 })
        assert.strictEqual(yield* store.put(moved), "refreshed")
        assert.deepStrictEqual(yield* store.list(20), [moved])
      }))

    check("lists a node without a key once for each place it listens at", (store) =>
      Effect.gen(function*() {
        yield* store.put(entry("A"))
        assert.strictEqual(yield* store.put(entry("B")), "refreshed")
        assert.strictEqual(yield* store.put(entry("B", { port: 9_002 })), "added")
        assert.strictEqual(yield* store.put(entry("B", { host: "10.0.0.2" })), "added")
        assert.strictEqual(yield* store.count, 3)
      }))

    check("forgets a node once its time is over", (store) =>
      Effect.gen(function*() {
        yield* store.put(entry("A"))
        yield* pass(shortMillis)
        assert.deepStrictEqual(yield* store.list(20), [])
        assert.strictEqual(yield* store.count, 0)
        assert.strictEqual(yield* store.put(entry("A")), "added")
      }), shortMillis)

    check("remembers a node that announces itself again", (store) =>
      Effect.gen(function*() {
        const again = entry("B", { port: 9_002 })
        yield* store.put(entry("A"))
        yield* store.put(again)
        for (let round = 0; round < 3; round++) {
          yield* pass(0.4 * shortMillis)
          assert.strictEqual(yield* store.put(again), "refreshed")
        }
        assert.deepStrictEqual(yield* store.list(20), [again])
      }), shortMillis)

    check(
      "takes a node off the list for the host that announced it, and for no other",
      (store) =>
        Effect.gen(function*() {
          yield* store.put(entry("A", { key: "0a" }))
          assert.strictEqual(yield* store.remove(entry("A", { key: "0a", host: "10.0.0.2" })), "foreign")
          assert.strictEqual(yield* store.count, 1)
          assert.strictEqual(yield* store.remove(entry("A", { key: "0a" })), "removed")
          assert.strictEqual(yield* store.remove(entry("A", { key: "0a" })), "absent")
          assert.deepStrictEqual(yield* store.list(20), [])
        })
    )

    check(
      "has room for so many of one host, and room again once one has left",
      (store) =>
        Effect.gen(function*() {
          const [a, b, c, d] = some(4, "10.0.0.1") as [Entry, Entry, Entry, Entry]
          for (const each of [a, b, c]) assert.strictEqual(yield* store.put(each), "added")
          assert.strictEqual(yield* store.put(d), "host full")
          assert.strictEqual(yield* store.put(a), "refreshed")
          assert.strictEqual(yield* store.put({ ...d, host: "10.0.0.2" }), "added")
          // Nor can a node of another host move in.
          assert.strictEqual(yield* store.put(d), "host full")
          yield* store.remove(b)
          assert.strictEqual(yield* store.put(d), "refreshed")
          assert.strictEqual(yield* store.put(entry("X", { host: "10.0.0.2", port: 1 })), "added")
        })
    )

    check("takes the addresses of an IPv6 network for one host", (store) =>
      Effect.gen(function*() {
        const of = (at: number) => entry(`N${at}`, { host: `2001:db8:0:12${at}0::${at}`, key: `${10 + at}` })
        const [a, b, c, d] = [of(0), of(1), of(2), of(3)] as const
        for (const each of [a, b, c]) assert.strictEqual(yield* store.put(each), "added")
        assert.strictEqual(yield* store.put(d), "host full")
        assert.strictEqual(yield* store.put({ ...c, host: d.host }), "refreshed")
        assert.strictEqual(yield* store.remove(c), "foreign")
        assert.strictEqual(yield* store.put({ ...a, host: "2001:db8:0:1300::1" }), "refreshed")
        assert.strictEqual(yield* store.put(d), "added")
      }))

    check("counts nodes whose time is over on no host", (store) =>
      Effect.gen(function*() {
        for (const each of some(3, "10.0.0.1")) yield* store.put(each)
        yield* pass(shortMillis)
        for (const each of some(3, "10.0.0.1")) assert.strictEqual(yield* store.put(each), "added")
      }), shortMillis)

    check("has room for so many in all, of its own host up to that", (store) =>
      Effect.gen(function*() {
        for (const each of some(8, "127.0.0.1")) assert.strictEqual(yield* store.put(each), "added")
        assert.strictEqual(yield* store.put(entry("X", { host: "10.0.0.1" })), "full")
        assert.strictEqual(yield* store.count, 8)
      }))

    check("lists so many at most, no one twice, and everyone in time", (store) =>
      Effect.gen(function*() {
        const known = some(6, "127.0.0.1")
        for (const each of known) yield* store.put(each)
        assert.lengthOf(yield* store.list(0), 0)
        const met = new Set<string>()
        // Someone of six stays out of two hundred lists of two once in 10^35 runs.
        for (let round = 0; round < 200; round++) {
          const names = (yield* store.list(2)).map(({ node_id }) => node_id)
          assert.strictEqual(new Set(names).size, 2)
          for (const name of names) met.add(name)
        }
        assert.sameMembers([...met], known.map(({ node_id }) => node_id))
      }))
  })
}
