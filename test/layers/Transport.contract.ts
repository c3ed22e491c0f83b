import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import {
  type Connection,
  type Reception,
  Transport,
  type TransportError
} from "../../src/services/Transport.js"
import { abort, read, write } from "./connections.js"

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** One turn of the event loop, in which sockets make progress. */
export const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Reads until `size` bytes have come or the other end writes no more. */
export const readAll = Effect.fnUntraced(function*(connection: Connection, size = Number.POSITIVE_INFINITY) {
  const chunks: Array<Uint8Array> = []
  for (let left = size; left > 0;) {
    const chunk = yield* read(connection)
    if (Option.isNone(chunk)) break
    chunks.push(chunk.value)
    left -= chunk.value.byteLength
  }
  return new Uint8Array(Buffer.concat(chunks))
})

const text = (connection: Connection, size?: number) =>
  Effect.map(readAll(connection, size), (all) => new TextDecoder().decode(all))

const reasonOf = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
  Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "no failure" })

const echo = (connection: Connection) =>
  Effect.gen(function*() {
    for (;;) {
      const chunk = yield* read(connection)
      if (Option.isNone(chunk)) return yield* connection.end
      yield* write(connection, [chunk.value])
    }
  })

const echoing: Reception = { admit: () => true, handle: (connection) => Effect.ignore(echo(connection)) }

/** A listener at `host` whose newcomers stay open and come out of a mailbox. */
export const receiving = Effect.fnUntraced(function*(host: string) {
  const transport = yield* Transport
  const newcomers = yield* Mailbox.make<Connection>()
  const address = yield* transport.listen({ host, port: 0 }, {
    admit: () => true,
    handle: (connection) => Effect.zipRight(newcomers.offer(connection), Effect.never)
  })
  return { address, newcomers, dial: transport.dial(address) }
})

/** Two ends of one connection. */
export const pair = Effect.fnUntraced(function*(host: string) {
  const { dial, newcomers } = yield* receiving(host)
  const near = yield* dial
  return { near, far: yield* Effect.orDie(newcomers.take) }
})

/** Runs the body of a test. */
export type Test = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => void

/** What every layer of `Transport` promises. */
export const contract = (
  name: string,
  layer: Layer.Layer<Transport>,
  host: string,
  test: Test = it.scopedLive
): void => {
  describe(`Transport: ${name}`, () => {
    test("carries bytes both ways between two addresses that both ends agree on", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        assert.strictEqual(String(near.local), String(far.remote))
        assert.strictEqual(String(near.remote), String(far.local))
        assert.notStrictEqual(near.local.port, near.remote.port)
        yield* write(near, [bytes("he"), bytes(""), bytes("llo")])
        assert.strictEqual(yield* text(far, 5), "hello")
        yield* write(far, [bytes("good day")])
        assert.strictEqual(yield* text(near, 8), "good day")
      }).pipe(Effect.provide(layer)))

    test("ends one direction and keeps the other open", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        yield* write(near, [bytes("last words")])
        yield* near.end
        assert.strictEqual(yield* text(far), "last words")
        assert.isTrue(Option.isNone(yield* read(far)))
        yield* write(far, [bytes("late")])
        assert.strictEqual(yield* text(near, 4), "late")
        assert.strictEqual(yield* reasonOf(write(near, [bytes("more")])), "BrokenPipe")
        yield* far.end
        assert.isTrue(Option.isNone(yield* read(near)))
        assert.isTrue(Option.isNone(yield* read(near)))
        yield* near.end
      }).pipe(Effect.provide(layer)))

    test("shows a reset to whoever waits for bytes, and to later writes", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const reader = yield* Effect.fork(reasonOf(read(far)))
        yield* abort(near)
        yield* abort(near)
        assert.strictEqual(yield* Fiber.join(reader), "ConnectionReset")
        assert.strictEqual(yield* reasonOf(read(far)), "ConnectionReset")
        assert.strictEqual(yield* reasonOf(write(far, [bytes("x")])), "ConnectionReset")
        assert.strictEqual(yield* reasonOf(read(near)), "ConnectionAborted")
        assert.strictEqual(yield* reasonOf(write(near, [bytes("x")])), "ConnectionAborted")
        assert.strictEqual(yield* reasonOf(near.end), "ConnectionAborted")
      }).pipe(Effect.provide(layer)))

    test("hands out what came before a reset", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        yield* write(near, [bytes("goodbye")])
        yield* abort(near)
        assert.strictEqual(yield* text(far, 7), "goodbye")
      }).pipe(Effect.provide(layer)))

    test("refuses a dial where nobody listens any more", () =>
      Effect.gen(function*() {
        const { address, dial } = yield* Effect.scoped(receiving(host))
        const error = yield* Effect.flip(dial)
        assert.strictEqual(error.reason, "ConnectionRefused")
        assert.strictEqual(String(error.endpoint), String(address))
      }).pipe(Effect.provide(layer)))

    test("says that a port is in use, and takes it as soon as it is free", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const scope = yield* Scope.make()
        const { port } = yield* Scope.extend(transport.listen({ host, port: 0 }, echoing), scope)
        assert.strictEqual(yield* reasonOf(transport.listen({ host, port }, echoing)), "PortInUse")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* transport.listen({ host, port }, echoing)).port, port)
      }).pipe(Effect.provide(layer)))

    test("makes a writer wait for a slow reader and loses nothing", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const chunks = 1_024
        let written = 0
        const writer = yield* Effect.gen(function*() {
          while (written < chunks) {
            yield* write(near, [new Uint8Array(65_536).fill(written)])
            written++
          }
          yield* near.end
        }).pipe(Effect.fork)
        for (let before = -1, still = 0; still < 50; still = before === written ? still + 1 : 0) {
          before = written
          yield* turn
        }
        assert.isBelow(written, chunks)
        let size = 0
        for (;;) {
          const chunk = yield* read(far)
          if (Option.isNone(chunk)) break
          assert.strictEqual(chunk.value.at(0), (size >> 16) & 0xff)
          size += chunk.value.byteLength
          assert.strictEqual(chunk.value.at(-1), ((size - 1) >> 16) & 0xff)
        }
        yield* Fiber.join(writer)
        assert.strictEqual(size, chunks * 65_536)
      }).pipe(Effect.provide(layer)))

    test("wakes a waiting writer when the reader is gone", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const writer = yield* Effect.fork(reasonOf(Effect.forever(write(near, [new Uint8Array(65_536)]))))
        yield* turn
        yield* abort(far)
        assert.include(["ConnectionReset", "BrokenPipe"], yield* Fiber.join(writer))
      }).pipe(Effect.provide(layer)))

    test("delivers chunks of any sizes in order", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const batches = fc.sample(
          fc.array(fc.uint8Array({ maxLength: 40_000, size: "max" }), { maxLength: 12 }),
          { numRuns: 40, seed: 1 }
        )
        for (const batch of batches) {
          const sent = new Uint8Array(Buffer.concat(batch))
          const writer = yield* Effect.fork(write(near, batch))
          assert.isTrue(Buffer.from(sent).equals(yield* readAll(far, sent.byteLength)))
          yield* Fiber.join(writer)
        }
      }).pipe(Effect.provide(layer)))

    test("echoes a mebibyte intact", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const near = yield* transport.dial(yield* transport.listen({ host, port: 0 }, echoing))
        const sent = Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 31) ^ (index >> 8))
        const writer = yield* Effect.fork(Effect.zipRight(write(near, [sent]), near.end))
        assert.isTrue(Buffer.from(sent).equals(yield* readAll(near)))
        yield* Fiber.join(writer)
      }).pipe(Effect.provide(layer)))

    test("keeps many connections apart", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const address = yield* transport.listen({ host, port: 0 }, echoing)
        const answers = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, index) => `I am ${index}`),
          (mine) =>
            Effect.gen(function*() {
              const near = yield* transport.dial(address)
              yield* write(near, [bytes(mine)])
              yield* near.end
              assert.strictEqual(yield* text(near), mine)
              return near.local.port
            }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(answers).size, 100)
      }).pipe(Effect.provide(layer)))

    test("closes a connection with the scope it was dialled in", () =>
      Effect.gen(function*() {
        const { dial, newcomers } = yield* receiving(host)
        const near = yield* Effect.scoped(dial)
        const far = yield* Effect.orDie(newcomers.take)
        assert.isTrue(Option.isNone(yield* read(far)))
        assert.strictEqual(yield* reasonOf(read(near)), "ConnectionAborted")
      }).pipe(Effect.provide(layer)))

    test("closes a connection when its handler is done", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const address = yield* transport.listen({ host, port: 0 }, {
          admit: () => true,
          handle: () => Effect.void
        })
        assert.isTrue(Option.isNone(yield* read(yield* transport.dial(address))))
      }).pipe(Effect.provide(layer)))

    test("ends the connection alone whose handler dies, and logs why", () => {
      const logged: Array<unknown> = []
      return Effect.gen(function*() {
        const transport = yield* Transport
        let count = 0
        const address = yield* transport.listen({ host, port: 0 }, {
          admit: () => true,
          handle: (connection) => {
            count++
            if (count === 2) throw new Error("thrown")
            return count === 3 ? Effect.die(new Error("died")) : echoing.handle(connection)
          }
        })
        const first = yield* transport.dial(address)
        yield* write(first, [bytes("a")])
        assert.strictEqual(yield* text(first, 1), "a")
        for (const why of ["thrown", "died"]) {
          assert.isTrue(Option.isNone(yield* read(yield* transport.dial(address))))
          assert.include(String(logged.at(-1)), why)
        }
        yield* write(first, [bytes("b")])
        assert.strictEqual(yield* text(first, 1), "b")
        assert.strictEqual(logged.length, 2)
      }).pipe(
        Effect.provide(layer),
        Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ cause }) => logged.push(cause))))
      )
    })

    test("drops the connections of a listener with its scope, after their handlers have ended", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const scope = yield* Scope.make()
        const started = yield* Deferred.make<void>()
        let over = false
        const address = yield* transport.listen({ host, port: 0 }, {
          admit: () => true,
          handle: (connection) =>
            Deferred.succeed(started, void 0).pipe(
              Effect.zipRight(Effect.never),
              Effect.ensuring(Effect.sync(() => {
                over = true
              })),
              Effect.ensuring(Effect.ignore(write(connection, [bytes("bye")])))
            )
          // Opened where nothing can be interrupted, as a layer may do it.
        }).pipe(Scope.extend(scope), Effect.uninterruptible)
        const near = yield* transport.dial(address)
        yield* Deferred.await(started)
        yield* Scope.close(scope, Exit.void)
        assert.isTrue(over)
        assert.strictEqual(yield* text(near), "bye")
        assert.strictEqual(yield* reasonOf(transport.dial(address)), "ConnectionRefused")
      }).pipe(Effect.provide(layer)))

    test("loses nothing when a waiting read is interrupted", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const reader = yield* Effect.fork(read(far))
        yield* turn
        yield* Fiber.interrupt(reader)
        yield* write(near, [bytes("still here")])
        assert.strictEqual(yield* text(far, 10), "still here")
      }).pipe(Effect.provide(layer)))

    test("ends a receiving when the receiver says so outside of any chunk, and loses nothing", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const endings: Array<(said: string) => void> = []
        const taken: Array<string> = []
        const receiver = {
          begun: (end: (said: string) => void) => void endings.push(end),
          take: (chunk: Uint8Array) => void taken.push(new TextDecoder().decode(chunk))
        }
        const first = yield* Effect.fork(near.receive(receiver))
        yield* turn
        endings.forEach((end) => end("enough"))
        assert.deepStrictEqual(yield* Fiber.join(first), Option.some("enough"))
        yield* write(far, [bytes("x")])
        assert.strictEqual(yield* text(near, 1), "x")
        const second = yield* Effect.fork(near.receive(receiver))
        yield* turn
        // That of one that is over ends no other.
        endings[0]?.("late")
        yield* write(far, [bytes("y")])
        while (taken.length === 0) yield* turn
        endings[1]?.("done")
        endings[1]?.("done twice")
        assert.deepStrictEqual(yield* Fiber.join(second), Option.some("done"))
        assert.deepStrictEqual([taken, endings.length], [["y"], 2])
        // Before the first chunk is asked for, while one waits.
        yield* write(far, [bytes("z")])
        yield* turn
        const third = near.receive({ ...receiver, begun: (end: (said: string) => void) => end("at once") })
        assert.deepStrictEqual(yield* third, Option.some("at once"))
        assert.strictEqual(yield* text(near, 1), "z")
      }).pipe(Effect.provide(layer)))

    test("says when chunks have left, and looks at them no more", () =>
      Effect.gen(function*() {
        const { far, near } = yield* pair(host)
        const count = 24
        const left: Array<number> = []
        const reader = yield* Effect.fork(readAll(far, count * 100_001))
        for (let at = 0; at < count; at++) {
          const chunks = [Uint8Array.of(at), new Uint8Array(100_000).fill(at)]
          near.write(chunks, (gone) => {
            assert.strictEqual(gone, chunks)
            left.push(at)
            for (const chunk of gone) chunk.fill(255)
          })
          yield* near.drained
        }
        const all = yield* Fiber.join(reader)
        for (let at = 0; at < count; at++) {
          const part = all.subarray(at * 100_001, (at + 1) * 100_001)
          assert.isTrue(part.every((byte) => byte === at), `message ${at}`)
        }
        while (left.length < count) yield* turn
        assert.deepStrictEqual(left, Array.from({ length: count }, (_, at) => at))
      }).pipe(Effect.provide(layer)))

    test("leaves nothing open when a dial is interrupted", () =>
      Effect.gen(function*() {
        const { dial, newcomers } = yield* receiving(host)
        const dialling = yield* Effect.fork(dial)
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(dialling)
        const near = yield* dial
        let far = yield* Effect.orDie(newcomers.take)
        if (far.remote.port !== near.local.port) {
          assert.include(["no failure", "ConnectionReset"], yield* reasonOf(read(far)))
          far = yield* Effect.orDie(newcomers.take)
        }
        assert.strictEqual(far.remote.port, near.local.port)
      }).pipe(Effect.provide(layer)))

    test("drops at once whoever is not admitted", () =>
      Effect.gen(function*() {
        const transport = yield* Transport
        const asked: Array<string> = []
        const address = yield* transport.listen({ host, port: 0 }, {
          admit: (remote) => {
            asked.push(remote.host)
            return false
          },
          handle: () => Effect.die("a refused newcomer was handled")
        })
        const outcome = Effect.scoped(Effect.flatMap(transport.dial(address), read))
        assert.strictEqual(yield* reasonOf(outcome), "ConnectionReset")
        assert.deepStrictEqual(asked, [host])
      }).pipe(Effect.provide(layer)))
  })
}
