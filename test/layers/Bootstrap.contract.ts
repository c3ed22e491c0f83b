import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { Entry } from "../../src/protocol/RegistryMessage.js"
import type { Bootstrap } from "../../src/services/Bootstrap.js"
import { did, join, keyOf, type Needs, type Options, story } from "./bootstraps.js"

/** A registry that serves the parties of 127.0.0.1. */
export interface Subject {
  readonly layer: Layer.Layer<Bootstrap, never, Needs>
  readonly url: URL
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
}

/** What every layer of `Bootstrap` promises. */
export const contract = (name: string, start: Effect.Effect<Subject, never, Scope.Scope>): void => {
  const soon = { intervalMillis: 20, limits: { registryBackoffCapMillis: 40 } }
  const begin = Effect.map(start, (subject) => ({
    subject,
    join: (id: string, options?: Options) =>
      join(subject.layer, id, { url: subject.url, ...soon, ...options })
  }))
  const entryA: Entry = {
    node_id: "A" as Entry["node_id"],
    host: "127.0.0.1",
    tcp_port: 9001,
    key: keyOf("A")
  }
  const candidateA = { endpoint: Endpoint.make("127.0.0.1", 9001), nodeId: "A", key: keyOf("A") }

  describe(`Bootstrap: ${name}`, () => {
    it.scopedLive("lists who announces itself, at the host it comes from", () =>
      Effect.gen(function*() {
        const { join, subject } = yield* begin
        const a = yield* join("A")
        yield* a.announce(9001)
        yield* a.until(did("announce"))
        assert.deepStrictEqual(yield* subject.entries, [entryA])
      }))

    it.scopedLive("names the others and never itself, again at every visit", () =>
      Effect.gen(function*() {
        const { join } = yield* begin
        const a = yield* join("A", { intervalMillis: 60_000 })
        yield* a.announce(9001)
        yield* a.until(did("announce"))
        const b = yield* join("B")
        yield* b.announce(9002)
        yield* b.listen
        yield* b.until(({ candidates }) => candidates.length >= 3)
        for (const candidate of b.candidates) assert.deepStrictEqual({ ...candidate }, candidateA)
        assert.deepStrictEqual(b.reports[1], { ev: "registry.ok", action: "pull", taken: 1, skipped: 1 })
      }))

    it.scopedLive("announces, then pulls, and so on", () =>
      Effect.gen(function*() {
        const { join } = yield* begin
        const a = yield* join("A")
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length >= 6)
        assert.deepStrictEqual(story(a).slice(0, 6), [
          "announce",
          "pull",
          "announce",
          "pull",
          "announce",
          "pull"
        ])
      }))

    it.scopedLive("keeps what it found for whoever asks first", () =>
      Effect.gen(function*() {
        const { join } = yield* begin
        const a = yield* join("A", { intervalMillis: 60_000 })
        yield* a.announce(9001)
        const b = yield* join("B", { intervalMillis: 60_000 })
        yield* a.until(did("announce"))
        yield* b.announce(9002)
        yield* b.until(did("pull"))
        yield* b.listen
        yield* b.until(({ candidates }) => candidates.length === 1)
      }))

    it.scopedLive("takes its entry back, and asks on", () =>
      Effect.gen(function*() {
        const { join, subject } = yield* begin
        const a = yield* join("A")
        const announcing = yield* Scope.make()
        yield* Scope.extend(a.announce(9001), announcing)
        yield* a.until(did("announce"))
        yield* Scope.close(announcing, Exit.void)
        assert.deepStrictEqual(yield* subject.entries, [])
        yield* a.until(did("leave"))
        const before = a.reports.length
        yield* a.until(({ reports }) => reports.length >= before + 2)
        assert.deepStrictEqual(story(a).slice(before), Array.from(story(a).slice(before), () => "pull"))
        assert.deepStrictEqual(yield* subject.entries, [])
      }))

    it.scopedLive("asks without announcing itself if it is not to", () =>
      Effect.gen(function*() {
        const { join, subject } = yield* begin
        const a = yield* join("A", { announce: false })
        yield* a.announce(9001)
        yield* a.until(did("pull", 2))
        assert.deepStrictEqual(yield* subject.entries, [])
        assert.isFalse(did("announce")(a))
      }))

    it.scopedLive("asks for whoever takes the candidates alone", () =>
      Effect.gen(function*() {
        const { join } = yield* begin
        const a = yield* join("A")
        yield* a.listen
        yield* a.until(did("pull", 2))
      }))

    it.scopedLive("announces the port it is mapped to", () =>
      Effect.gen(function*() {
        const { join, subject } = yield* begin
        const a = yield* join("A", { advertise: Option.some(4321) })
        yield* a.announce(9001)
        yield* a.until(did("announce"))
        assert.deepStrictEqual(yield* subject.entries, [{ ...entryA, tcp_port: 4321 }])
      }))

    it.scopedLive("asks for no more than it wants", () =>
      Effect.gen(function*() {
        const { join } = yield* begin
        for (const [at, id] of ["A", "B", "C"].entries()) {
          const other = yield* join(id, { intervalMillis: 60_000 })
          yield* other.announce(9001 + at)
          yield* other.until(did("announce"))
        }
        const d = yield* join("D", { limit: 2 })
        yield* d.listen
        yield* d.until(did("pull"))
        assert.deepStrictEqual(d.reports[0], { ev: "registry.ok", action: "pull", taken: 2, skipped: 0 })
      }))

    it.scopedLive("outlives a registry that is down, and is listed again when it is up", () =>
      Effect.gen(function*() {
        const { join, subject } = yield* begin
        yield* subject.down
        const a = yield* join("A")
        yield* a.announce(9001)
        yield* a.until(({ reports }) => reports.length >= 3)
        for (const report of a.reports) {
          assert.strictEqual(report.action, "announce")
          assert.strictEqual(report.ev === "registry.error" && report.reason, "Unreachable")
          assert.isTrue(report.ev === "registry.error" && report.retryInMillis > 0)
        }
        yield* subject.up
        yield* a.until(did("pull"))
        assert.deepStrictEqual(yield* subject.entries, [entryA])
      }))
  })
}
