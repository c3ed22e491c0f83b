import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import type { LookupFunction } from "node:net"
import { networkInterfaces } from "node:os"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { textOf } from "../../src/domain/Reason.js"
import * as TcpTransport from "../../src/layers/TcpTransport.js"
import { type Connection, Transport } from "../../src/services/Transport.js"
import { abort, read, write } from "./connections.js"
import { bytes, pair, readAll, receiving, turn } from "./Transport.contract.js"

const withoutIPv6 = !Object.values(networkInterfaces()).flat().some((one) => one?.address === "::1")

const everyone = (handle: (connection: Connection) => Effect.Effect<void>) => ({ admit: () => true, handle })

/** The host a listener sees when `dialled` is dialled, for a listener at `host`. */
const remoteSeen = Effect.fnUntraced(function*(host: string | undefined, dialled: string) {
  const transport = yield* Transport
  const remote = yield* Deferred.make<Connection>()
  const { port } = yield* transport.listen(
    { host, port: 0 },
    everyone((connection) => Deferred.succeed(remote, connection))
  )
  const endpoint = Either.getOrThrow(Endpoint.parse(`${dialled}:${port}`))
  const near = yield* transport.dial(endpoint)
  const far = yield* Deferred.await(remote)
  assert.strictEqual(String(far.remote), String(near.local))
  assert.strictEqual(String(far.local), String(near.remote))
  return far.remote.host
})

/** Handles of this kind that keep the process alive, once as few as `wanted` do or no more go. */
const sockets = Effect.fnUntraced(function*(wanted: number) {
  const count = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
  for (let turns = 0; turns < 1_000 && count() > wanted; turns++) yield* turn
  return count()
})

const failing = (code: string): LookupFunction => (_host, _options, callback) =>
  callback(Object.assign(new Error(code), { code }), [])

describe("TcpTransport", () => {
  it.scopedLive("tells the address it listens on", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const one = yield* transport.listen({ host: "127.0.0.1", port: 0 }, everyone(() => Effect.void))
      assert.strictEqual(one.host, "127.0.0.1")
      assert.isAbove(one.port, 0)
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("reads no more of one connection in a turn than a read takes, if that takes long", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const size = 8 * 2 ** 20
      let came = 0
      let inTurn = 0
      let most = 0
      const whole = yield* Deferred.make<void>()
      const at = yield* transport.listen(
        { host: "127.0.0.1", port: 0 },
        everyone((connection) =>
          Effect.asVoid(Effect.ignore(connection.receive({
            take: ({ length }) => {
              came += length
              inTurn += length
              most = Math.max(most, inTurn)
              for (const until = performance.now() + 6; performance.now() < until;);
              if (came >= size) Effect.runFork(Deferred.succeed(whole, undefined))
              return undefined
            }
          })))
        )
      )
      const watch = () => {
        inTurn = 0
        watching = setImmediate(watch)
      }
      let watching = setImmediate(watch)
      yield* Effect.addFinalizer(() => Effect.sync(() => clearImmediate(watching)))
      const connection = yield* transport.dial(at)
      connection.write([new Uint8Array(size)])
      yield* Deferred.await(whole)
      assert.strictEqual(came, size)
      assert.isAtMost(most, 262_144)
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("counts IPv4 as IPv4 when it listens on all addresses", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* remoteSeen(undefined, "127.0.0.1"), "127.0.0.1")
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive.skipIf(withoutIPv6)("speaks IPv6, with a zone too", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* remoteSeen("::1", "[::1]"), "::1")
      assert.strictEqual(yield* remoteSeen(undefined, "[::1]"), "::1")
      assert.strictEqual(yield* remoteSeen(undefined, "[::1%lo]"), "::1")
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("dials names", () =>
    Effect.gen(function*() {
      assert.isTrue(Endpoint.isLoopback(yield* remoteSeen(undefined, "localhost")))
      assert.isTrue(Endpoint.isLoopback(yield* remoteSeen("localhost", "localhost")))
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("tries every address of a name", () =>
    Effect.gen(function*() {
      const { address } = yield* receiving("127.0.0.2")
      const lookup: LookupFunction = (_host, _options, callback) =>
        callback(null, ["127.0.0.3", "127.0.0.2"].map((address) => ({ address, family: 4 })))
      const near = yield* TcpTransport.make({ lookup }).dial(Endpoint.make("some.name", address.port))
      assert.strictEqual(String(near.remote), String(address))
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("says what an answering host said when all addresses of a name fail", () =>
    Effect.gen(function*() {
      const { address } = yield* Effect.scoped(receiving("127.0.0.1"))
      const lookup: LookupFunction = (_host, _options, callback) =>
        callback(null, [{ address: "::ffff:0.0.0.0", family: 4 }, { address: "127.0.0.1", family: 4 }])
      const endpoint = Endpoint.make("some.name", address.port)
      const error = yield* Effect.flip(TcpTransport.make({ lookup }).dial(endpoint))
      assert.strictEqual(error.reason, "ConnectionRefused")
      assert.strictEqual(error.message, `${endpoint}: ${textOf("ConnectionRefused")}`)
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("gives every failure of the system its reason", () =>
    Effect.gen(function*() {
      const expected = {
        ENOTFOUND: "NameNotFound",
        EAI_AGAIN: "NameLookupFailed",
        ENETUNREACH: "NetworkUnreachable",
        EHOSTUNREACH: "HostUnreachable",
        EMFILE: "TooManyOpenFiles",
        ESOMETHING: "TransportFailed"
      }
      for (const [code, reason] of Object.entries(expected)) {
        const dial = TcpTransport.make({ lookup: failing(code) }).dial(Endpoint.make("some.name", 1))
        const error = yield* Effect.flip(dial)
        assert.strictEqual(error.reason, reason)
      }
    }))

  it.scopedLive("says that an address is not this host's", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const error = yield* Effect.flip(
        transport.listen({ host: "192.0.2.1", port: 0 }, everyone(() => Effect.void))
      )
      assert.strictEqual(error.reason, "AddressNotAvailable")
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("gives up a dial that waits for its name", () =>
    Effect.gen(function*() {
      const before = yield* sockets(0)
      const asked = yield* Deferred.make<void>()
      const lookup: LookupFunction = () => Deferred.unsafeDone(asked, Effect.void)
      const dialling = yield* Effect.fork(TcpTransport.make({ lookup }).dial(Endpoint.make("some.name", 1)))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(dialling)
      assert.strictEqual(yield* sockets(before), before)
    }))

  it.live("leaves no socket behind, however a connection ends", () =>
    Effect.gen(function*() {
      const before = yield* sockets(0)
      const stuck = (connection: Connection) =>
        Effect.fork(Effect.ignore(write(connection, [new Uint8Array(64 * 1_048_576)])))
      const endings: ReadonlyArray<(near: Connection, far: Connection) => Effect.Effect<unknown>> = [
        () => Effect.void,
        (near) => abort(near),
        (near) => Effect.ignore(near.end),
        (near, far) => Effect.ignore(Effect.zip(near.end, far.end)),
        (near) => Effect.zipRight(Effect.ignore(near.end), abort(near)),
        (near) =>
          Effect.zipRight(
            Effect.fork(Effect.ignore(near.end)),
            Effect.zipRight(Effect.yieldNow(), abort(near))
          ),
        (near) => Effect.zipRight(stuck(near), turn),
        (near) => stuck(near).pipe(Effect.zipRight(turn), Effect.zipRight(abort(near))),
        (near) =>
          stuck(near).pipe(
            Effect.zipRight(Effect.fork(Effect.ignore(near.end))),
            Effect.zipRight(turn),
            Effect.zipRight(abort(near))
          )
      ]
      for (const [index, ending] of endings.entries()) {
        yield* Effect.scoped(Effect.flatMap(pair("127.0.0.1"), ({ far, near }) => ending(near, far)))
        assert.strictEqual(yield* sockets(before), before, `ending ${index}`)
      }
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("receives who comes before the fiber that listens has gone on", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const address = yield* Effect.scoped(
        transport.listen({ host: "127.0.0.1", port: 0 }, everyone(() => Effect.void))
      )
      const own = yield* FiberRef.get(FiberRef.currentScheduler)
      const held: Array<() => void> = []
      let holding = true
      const met = yield* Deferred.make<Connection>()
      yield* transport.listen(address, everyone((far) => Deferred.succeed(met, far))).pipe(
        Effect.zipRight(Effect.never),
        Effect.withScheduler({
          shouldYield: (fiber) => own.shouldYield(fiber),
          scheduleTask: (task, priority) => holding ? void held.push(task) : own.scheduleTask(task, priority)
        }),
        Effect.forkScoped
      )
      const release = Effect.sync(() => {
        holding = false
        for (const task of held.splice(0)) task()
      })
      yield* Effect.addFinalizer(() => release)
      for (let turns = 0; turns < 100 && held.length === 0; turns++) yield* turn
      // The system listens, and the fiber has yet to learn of it.
      const near = yield* transport.dial(address)
      for (let turns = 0; turns < 10; turns++) yield* turn
      assert.isFalse(yield* Deferred.isDone(met))
      yield* release
      const far = yield* Effect.timeout(Deferred.await(met), "2 seconds")
      assert.strictEqual(String(far.remote), String(near.local))
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("frees its port before its handlers have said goodbye", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const taken = yield* Deferred.make<string>()
      const started = yield* Deferred.make<void>()
      const address = yield* Effect.scoped(Effect.gen(function*() {
        const address: Endpoint.Endpoint = yield* transport.listen(
          { host: "127.0.0.1", port: 0 },
          everyone(() =>
            Effect.zipRight(Deferred.succeed(started, void 0), Effect.never).pipe(
              Effect.onInterrupt(() =>
                Effect.scoped(transport.listen(
                  { host: "127.0.0.1", port: address.port },
                  everyone(() => Effect.void)
                ))
                  .pipe(
                    Effect.match({ onFailure: (error) => error.reason, onSuccess: String }),
                    Effect.intoDeferred(taken)
                  )
              )
            )
          )
        )
        yield* transport.dial(address)
        yield* Deferred.await(started)
        return address
      }))
      assert.strictEqual(yield* Deferred.await(taken), String(address))
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("lets others run while the system takes everything as fast as it is written", () =>
    Effect.gen(function*() {
      const { far, near } = yield* pair("127.0.0.1")
      let turns = 0
      const ticker = yield* Effect.fork(Effect.forever(Effect.tap(turn, () => turns++)))
      for (let count = 0; count < 32; count++) yield* write(near, [new Uint8Array(65_536)])
      assert.isAtLeast(turns, 1)
      yield* Fiber.interrupt(ticker)
      assert.strictEqual((yield* readAll(far, 32 * 65_536)).byteLength, 32 * 65_536)
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive("gives chunks that are plain arrays and nobody else's", () =>
    Effect.gen(function*() {
      const { far, near } = yield* pair("127.0.0.1")
      yield* write(near, [bytes("abc")])
      const first = Option.getOrThrow(yield* read(far))
      assert.strictEqual(Object.getPrototypeOf(first), Uint8Array.prototype)
      yield* write(near, [bytes("def")])
      const second = Option.getOrThrow(yield* read(far))
      first.fill(0)
      assert.deepStrictEqual(second, bytes("def"))
    }).pipe(Effect.provide(TcpTransport.layer)))

  it.scopedLive.each([
    { busyPollMicros: 250, asked: 1 },
    { busyPollMicros: 0, asked: 0 }
  ])("with $busyPollMicros us to stay awake, asks for $asked turn when two ends answer each other", (
    { asked, busyPollMicros }
  ) => {
    // Its clock stands still, and the turn that it is asked for never comes.
    const loop = { asked: 0, now: () => 0, next: () => void loop.asked++ }
    return Effect.gen(function*() {
      const { far, near } = yield* pair("127.0.0.1")
      for (let chunks = 0; chunks < 10; chunks++) {
        yield* write(near, [bytes("said")])
        yield* read(far)
      }
      assert.strictEqual(loop.asked, 0)
      for (let chunks = 0; chunks < 10; chunks++) {
        yield* write(far, [bytes("answered")])
        yield* read(near)
        yield* write(near, [bytes("said")])
        yield* read(far)
      }
      assert.strictEqual(loop.asked, asked)
    }).pipe(Effect.provideService(Transport, TcpTransport.make({ busyPollMicros, loop })))
  })
})
