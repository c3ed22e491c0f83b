import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as MemoryNetwork from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import { read, write } from "./connections.js"
import { bytes, pair, readAll, receiving } from "./Transport.contract.js"

const nobody = { admit: () => true, handle: () => Effect.never }
const alice = MemoryTransport.make({ host: "10.0.0.1" })
const narrow = (capacity: number) => MemoryTransport.layer({ host: "10.0.0.1", capacity, chunk: () => 3 })
const bob = MemoryTransport.make({ host: "10.0.0.2" })

describe("MemoryTransport", () => {
  it.scoped("connects hosts of one network and tells each the other's address", () =>
    Effect.gen(function*() {
      const address = yield* (yield* alice).listen({ host: "0.0.0.0", port: 9_001 }, nobody)
      assert.strictEqual(String(address), "10.0.0.1:9001")
      const near = yield* (yield* bob).dial(address)
      assert.strictEqual(near.local.host, "10.0.0.2")
      assert.strictEqual(String(near.remote), "10.0.0.1:9001")
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("finds no host that has not joined, and none in another network", () =>
    Effect.gen(function*() {
      const address = yield* (yield* alice).listen({ port: 0 }, nobody)
      const elsewhere = yield* Effect.provide(bob, Layer.fresh(MemoryNetwork.layer))
      assert.strictEqual((yield* Effect.flip(elsewhere.dial(address))).reason, "HostUnreachable")
      const dial = (yield* alice).dial(Endpoint.make("10.0.0.9", 1))
      assert.strictEqual((yield* Effect.flip(dial)).reason, "HostUnreachable")
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("listens on its own host alone, whose ports all its nodes share", () =>
    Effect.gen(function*() {
      const foreign = (yield* alice).listen({ host: "10.0.0.2", port: 0 }, nobody)
      assert.strictEqual((yield* Effect.flip(foreign)).reason, "AddressNotAvailable")
      yield* (yield* alice).listen({ port: 9_001 }, nobody)
      assert.strictEqual(
        (yield* Effect.flip((yield* alice).listen({ port: 9_001 }, nobody))).reason,
        "PortInUse"
      )
      assert.strictEqual((yield* (yield* bob).listen({ port: 9_001 }, nobody)).port, 9_001)
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("never runs out of ports as long as connections end", () =>
    Effect.gen(function*() {
      const transport = yield* alice
      const address = yield* transport.listen({ port: 0 }, nobody)
      const host = (yield* MemoryNetwork.MemoryNetwork).join("10.0.0.1")
      const taken: Array<number> = []
      for (let port = host.take(0); port !== undefined; port = host.take(0)) taken.push(port)
      assert.notInclude(taken, address.port)
      const dial = Effect.map(transport.dial(address), ({ local }) => local.port)
      assert.strictEqual((yield* Effect.flip(Effect.scoped(dial))).reason, "AddressNotAvailable")
      host.release(50_000)
      for (let count = 0; count < 3; count++) assert.strictEqual(yield* Effect.scoped(dial), 50_000)
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("resets when it is closed with something unread, and says FIN otherwise", () =>
    Effect.gen(function*() {
      const transport = yield* alice
      for (const [sent, expected] of [["", "FIN"], ["unread", "ConnectionReset"]] as const) {
        const scope = yield* Scope.make()
        const answer = yield* Deferred.make<string>()
        const address = yield* transport.listen({ port: 0 }, {
          admit: () => true,
          handle: (connection) =>
            Effect.zipRight(write(connection, [bytes(sent)]), read(connection)).pipe(
              Effect.match({ onFailure: ({ reason }) => reason, onSuccess: () => "FIN" }),
              Effect.intoDeferred(answer),
              Effect.asVoid
            )
        })
        yield* Scope.extend(transport.dial(address), scope)
        yield* Effect.yieldNow()
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* Deferred.await(answer), expected)
      }
    }).pipe(Effect.provide(MemoryNetwork.layer)))

  it.scoped("loses what had not left when its scope closed", () =>
    Effect.gen(function*() {
      const { dial, newcomers } = yield* receiving("10.0.0.1")
      yield* Effect.scoped(Effect.gen(function*() {
        const near = yield* dial
        yield* Effect.fork(Effect.ignore(write(near, [bytes("0123456789abc")])))
        yield* Effect.yieldNow()
      }))
      const far = yield* Effect.orDie(newcomers.take)
      assert.deepStrictEqual(yield* readAll(far), bytes("0123456789"))
    }).pipe(Effect.provide(narrow(10)), Effect.provide(MemoryNetwork.layer)))

  it.scoped("lets a writer wait while the capacity is under way", () =>
    Effect.gen(function*() {
      const { far, near } = yield* pair("10.0.0.1")
      const writer = yield* Effect.fork(write(near, [bytes("0123456789")]))
      yield* Effect.yieldNow()
      assert.isNull(writer.unsafePoll())
      assert.deepStrictEqual(Option.getOrThrow(yield* read(far)), bytes("012"))
      yield* Fiber.join(writer)
    }).pipe(Effect.provide(narrow(8)), Effect.provide(MemoryNetwork.layer)))
})
