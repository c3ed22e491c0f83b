/** Bugs and broken sockets: each ends one connection by name, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import * as PeerId from "../../src/domain/PeerId.js"
import type { Reason } from "../../src/domain/Reason.js"
import { reasonOf } from "../../src/internal/errno.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as TcpTransport from "../../src/layers/TcpTransport.js"
import { types } from "../../src/protocol/Envelope.js"
import {
  type Connection,
  type Receiver,
  type Transport,
  TransportError
} from "../../src/services/Transport.js"
import { Witness } from "../../src/services/Witness.js"
import { signer } from "../protocol/parties.js"
import { answer, fresh, join, party } from "./peer.js"
import { eventually, type Options, start, type Subject } from "./subject.js"
import { listen, Wire } from "./wire.js"

const real = TcpTransport.make()

/** What the node's connections do once `armed`; each does it a single time. */
class Fault {
  armed = false
  fired = 0

  strikes(): boolean {
    if (!this.armed) return false
    this.armed = false
    this.fired++
    return true
  }
}

type Broken = { readonly [M in "read" | "write" | "end"]?: Effect.Effect<never, TransportError> }

/** What a receiver of ours says instead of what it was given. */
class Struck {
  readonly struck = true
}

const spoil = (fault: Fault, broken: Broken) => (connection: Connection): Connection => {
  const failed = Deferred.unsafeMake<never, TransportError>(FiberId.none)
  const receive = <A>(receiver: Receiver<A>): Effect.Effect<Option.Option<A>, TransportError> =>
    connection.receive<A | Struck>({
      begun: (end) => receiver.begun?.(end),
      drained: () => receiver.drained?.(),
      take: (chunk) => broken.read !== undefined && fault.strikes() ? new Struck() : receiver.take(chunk)
    }).pipe(
      Effect.flatMap((said) => {
        if (Option.isNone(said)) return Effect.succeedNone
        return said.value instanceof Struck ? broken.read ?? Effect.never : Effect.succeedSome(said.value)
      }),
      Effect.interruptible,
      Effect.raceFirst(Effect.interruptible(Deferred.await(failed)))
    )
  return {
    local: connection.local,
    remote: connection.remote,
    receive,
    write: (chunks, left) => {
      if (broken.write === undefined || !fault.strikes()) return connection.write(chunks, left)
      // A bug is thrown; a socket that breaks is seen by whoever receives.
      const exit = Effect.runSyncExit(broken.write)
      if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) throw Cause.squash(exit.cause)
      Deferred.unsafeDone(failed, exit)
      return false
    },
    drained: connection.drained,
    end: Effect.suspend(() => broken.end !== undefined && fault.strikes() ? broken.end : connection.end),
    abort: () => connection.abort()
  }
}

const transport = (fault: Fault, broken: Broken): Transport["Type"] => ({
  listen: (options, { admit, handle }) =>
    real.listen(options, { admit, handle: (connection) => handle(spoil(fault, broken)(connection)) }),
  dial: (endpoint) => Effect.map(real.dial(endpoint), spoil(fault, broken))
})

const bug = Effect.die(new Error("a bug of ours"))

const identity = (fault: Fault) => {
  const own = signer(fresh())
  return {
    ...own,
    peerId: PeerId.fromKey(own.publicKey),
    sign: (message: Uint8Array) => {
      if (fault.strikes()) throw new Error("a bug of ours")
      return own.sign(message)
    }
  }
}

const places: ReadonlyArray<readonly [name: string, options: (fault: Fault) => Options]> = [
  ["in signing", (fault) => ({ identity: identity(fault) })],
  ["in making keys", (fault) => ({
    entropy: {
      ...NodeEntropy.make,
      keyAgreement: () => {
        if (fault.strikes()) throw new Error("a bug of ours")
        return NodeEntropy.make.keyAgreement()
      }
    }
  })],
  ["in reading", (fault) => ({ transport: transport(fault, { read: bug }) })],
  ["in writing", (fault) => ({ transport: transport(fault, { write: bug }) })]
]

/** Runs with all log lines gathered, and asserts that no promise was left rejected. */
const logged = <A, E, R>(body: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const gather = Logger.make(({ cause, message }) => {
    lines.push(`${String(message)} ${Cause.pretty(cause)}`)
  })
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      const rejections: Array<unknown> = []
      const note = (reason: unknown) => void rejections.push(reason)
      process.on("unhandledRejection", note)
      return { note, rejections }
    }),
    ({ rejections }) =>
      Effect.tap(body(lines), () => Effect.sync(() => assert.deepStrictEqual(rejections, []))),
    ({ note }) => Effect.sync(() => process.off("unhandledRejection", note))
  ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, gather)))
}

/** Somebody who answers every dial of the node, and the Ping of every session. */
const somebody = listen((socket) => {
  const wire = new Wire(socket)
  Effect.runFork(
    Effect.flatMap(answer(wire, party()), (peer) =>
      peer === undefined
        ? Effect.void
        : Effect.zipRight(Effect.ignore(peer.say(types.Ping, fresh(8))), peer.rest))
  )
})

describe("a defect", () => {
  it.scopedLive.each(places)(
    "%s ends the connection that was accepted, and nothing else",
    ([, options]) =>
      logged((lines) =>
        Effect.gen(function*() {
          const fault = new Fault()
          const subject = yield* start(options(fault))
          const other = yield* join(subject.node.address)
          yield* other.ping
          const victim = yield* strike(subject, fault)
          assert.strictEqual(victim.reason, "Internal")
          assert.strictEqual(fault.fired, 1)
          yield* other.ping
          yield* (yield* join(subject.node.address)).ping
          assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 1)
        })
      )
  )

  it.scopedLive.each(places)(
    "%s ends the dial, and nothing else",
    ([, options]) =>
      logged((lines) =>
        Effect.gen(function*() {
          const fault = new Fault()
          const subject = yield* start(options(fault))
          const other = yield* join(subject.node.address)
          yield* other.ping
          const endpoint = yield* somebody
          // Nothing of the other session may strike in its place: it is silent now.
          fault.armed = true
          const error = yield* Effect.flip(subject.node.connect(endpoint))
          assert.strictEqual(error.reason, "Internal")
          assert.deepInclude(yield* subject.until("dial.failed"), { reason: "Internal", failures: 1 })
          yield* other.ping
          yield* subject.node.connect(yield* somebody)
          assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 1)
        })
      )
  )

  it.scopedLive("in dialling ends the dial, and the endpoint can be dialled again", () =>
    logged(() =>
      Effect.gen(function*() {
        const fault = new Fault()
        fault.armed = true
        const subject = yield* start({
          transport: {
            ...real,
            dial: (endpoint) => Effect.suspend(() => fault.strikes() ? bug : real.dial(endpoint))
          },
          limits: { manualBackoffMillis: 0 }
        })
        const endpoint = yield* somebody
        assert.strictEqual((yield* Effect.flip(subject.node.connect(endpoint))).reason, "Internal")
        assert.strictEqual((yield* subject.node.connect(endpoint)).state, "Connected")
      })
    ))

  it.scopedLive.each<"read" | "write">(["read", "write"])(
    "in a session's %s ends that session, and nothing else",
    (method) =>
      logged((lines) =>
        Effect.gen(function*() {
          const fault = new Fault()
          const subject = yield* start({ transport: transport(fault, { [method]: bug }) })
          const other = yield* join(subject.node.address)
          yield* other.ping
          const peer = yield* join(subject.node.address)
          yield* peer.ping
          fault.armed = true
          yield* peer.say(types.Ping, fresh(8))
          // What was sealed for a write that died is lost, and with it the place of the goodbye in the stream.
          if (method === "write") yield* peer.wire.rest
          else assert.deepInclude((yield* peer.rest).at(-1), { _tag: "Close", reason: "Internal" })
          yield* subject.until("peer.state", ({ reason, to }) => to === "Closed" && reason === "Internal")
          yield* other.ping
          assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 1)
          assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
        })
      )
  )

  it.scopedLive("in a write that a sender has caused ends that session, and the sender learns of it", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const fault = new Fault()
        const subject = yield* start({ transport: transport(fault, { write: bug }) })
        const other = yield* join(subject.node.address)
        yield* other.ping
        for (const send of ["send", "sendAll"] as const) {
          const { id } = yield* subject.node.connect(yield* somebody)
          // Nothing of this connection's own may be the one that strikes: it has said all it has to say.
          yield* Effect.sleep(20)
          const payloads = Array.from({ length: 40 }, () => fresh(50_000))
          fault.armed = true
          const error = yield* Effect.flip(
            send === "sendAll"
              ? subject.node.sendAll(id, "t", payloads)
              : Effect.forEach(payloads, (payload) => subject.node.send(id, "t", payload))
          )
          assert.strictEqual(error.reason, "NoSession")
          yield* subject.until(
            "peer.state",
            ({ peer, reason, to }) => peer === id && to === "Closed" && reason === "Internal"
          )
          assert.strictEqual(fault.fired, send === "send" ? 1 : 2)
          subject.forget()
        }
        yield* other.ping
        assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 2)
      })
    ))

  it.scopedLive("of a witness of its end leaves nobody waiting for a dial", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const witness = (event: NodeEvent) => {
          if (event.ev === "peer.state" && event.to === "Closed") throw new Error("a bug of the witness")
        }
        const subject = yield* Effect.provideService(
          start({ transport: { ...real, dial: () => failing("ECONNREFUSED") } }),
          Witness,
          witness
        )
        const error = yield* Effect.flip(subject.node.connect(Endpoint.make("127.0.0.1", 1)))
        assert.strictEqual(error.reason, "ConnectionRefused")
        assert.strictEqual(lines.filter((line) => line.includes("a bug of the witness")).length, 1)
        yield* (yield* join(subject.node.address)).ping
      })
    ))

  it.scopedLive("in what keeps an endpoint connected is told", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const witness = (event: NodeEvent) => {
          if (event.ev === "dial.verdict") throw new Error("a bug of the witness")
        }
        const subject = yield* Effect.provideService(start(), Witness, witness)
        yield* subject.node.want(Endpoint.make("127.0.0.1", 1))
        yield* eventually(Effect.sync(() => lines.length > 0))
        assert.strictEqual(lines.filter((line) => line.includes("a bug of the witness")).length, 1)
      })
    ))

  it.scopedLive("in what runs beside the connections is told", () =>
    logged((lines) =>
      Effect.gen(function*() {
        let isBroken = false
        const bytes = (size: number): Uint8Array => {
          if (isBroken) throw new Error("a bug of ours")
          return NodeEntropy.make.bytes(size)
        }
        const entropy = { ...NodeEntropy.make, bytes }
        const subject = yield* start({ entropy, limits: { pingMillis: 20 } })
        yield* (yield* join(subject.node.address)).ping
        isBroken = true
        yield* eventually(Effect.sync(() => lines.length > 0))
        assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 1)
      })
    ))

  it.scopedLive("of the logger that is told of one leaves nothing behind", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const fault = new Fault()
      const subject = yield* Scope.extend(start({ transport: transport(fault, { read: bug }) }), scope)
      const peer = yield* join(subject.node.address)
      yield* peer.ping
      fault.armed = true
      yield* peer.say(types.Ping, fresh(8))
      yield* peer.rest
      yield* subject.idle
      assert.strictEqual(fault.fired, 1)
      yield* (yield* join(subject.node.address)).ping
      assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Scope.close(scope, Exit.void), 5_000)))
    }).pipe(Effect.provide(Logger.replace(
      Logger.defaultLogger,
      Logger.make(() => {
        throw new Error("a bug of the logger")
      })
    ))))

  it.scopedLive.each(["accepted", "dialled"])(
    "in the goodbye to a peer that was %s leaves nothing behind",
    (how) =>
      logged((lines) =>
        Effect.gen(function*() {
          const fault = new Fault()
          const subject = yield* start({ transport: transport(fault, { end: bug }) })
          if (how === "accepted") yield* (yield* join(subject.node.address)).ping
          else yield* subject.node.connect(yield* somebody)
          const before = yield* subject.fibers
          fault.armed = true
          for (const { id } of yield* subject.node.peers) yield* subject.node.disconnect(id)
          yield* subject.idle
          yield* eventually(Effect.sync(() => lines.length > 0))
          assert.strictEqual(lines.filter((line) => line.includes("a bug of ours")).length, 1)
          assert.isBelow(yield* subject.fibers, before)
          yield* (yield* join(subject.node.address)).ping
        })
      )
  )

  it.scopedLive("that keeps a goodbye from ever ending has the time of a goodbye, and no more", () =>
    Effect.gen(function*() {
      const fault = new Fault()
      const subject = yield* start({ transport: transport(fault, { end: Effect.never }) })
      yield* (yield* join(subject.node.address)).ping
      fault.armed = true
      for (const { id } of yield* subject.node.peers) yield* subject.node.disconnect(id)
      yield* subject.idle
      assert.strictEqual(fault.fired, 1)
      yield* (yield* join(subject.node.address)).ping
    }))

  it.scopedLive("that keeps a goodbye from ever ending does not keep a node from stopping", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const fault = new Fault()
      const subject = yield* Scope.extend(
        start({
          transport: transport(fault, { end: Effect.never }),
          limits: { closeMillis: 60_000, stopMillis: 50 }
        }),
        scope
      )
      yield* (yield* join(subject.node.address)).ping
      fault.armed = true
      assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Scope.close(scope, Exit.void), 10_000)))
      assert.strictEqual(fault.fired, 1)
    }))
})

/** A newcomer on whom the fault strikes within the handshake. */
const strike = (subject: Subject, fault: Fault) =>
  Effect.gen(function*() {
    fault.armed = true
    yield* Effect.fork(Effect.sandbox(join(subject.node.address)))
    return yield* subject.until("handshake.rejected")
  })

const codes: ReadonlyArray<readonly [code: string, reason: Reason]> = [
  ["ECONNREFUSED", "ConnectionRefused"],
  ["ECONNRESET", "ConnectionReset"],
  ["ETIMEDOUT", "ConnectTimeout"],
  ["EHOSTUNREACH", "HostUnreachable"],
  ["ENETUNREACH", "NetworkUnreachable"],
  ["EADDRNOTAVAIL", "AddressNotAvailable"],
  ["ENOTFOUND", "NameNotFound"],
  ["EAI_AGAIN", "NameLookupFailed"],
  ["EPIPE", "BrokenPipe"],
  ["EMFILE", "TooManyOpenFiles"],
  ["ECONNABORTED", "ConnectionAborted"],
  ["EWHATEVER", "TransportFailed"]
]

const failing = (code: string) =>
  Effect.fail(
    new TransportError({
      reason: reasonOf(Object.assign(new Error(code), { code })),
      endpoint: Endpoint.make("127.0.0.1", 1)
    })
  )

describe("a broken socket", () => {
  it.scopedLive.each(codes)(
    "%s while dialling is %s: counted, backed off, survived",
    ([code, reason]) =>
      Effect.gen(function*() {
        const subject = yield* start({ transport: { ...real, dial: () => failing(code) } })
        const endpoint = Endpoint.make("127.0.0.1", 1)
        const error = yield* Effect.flip(subject.node.connect(endpoint))
        assert.strictEqual(error.reason, reason)
        assert.isAtLeast(error.retryInMillis, 2_400)
        assert.strictEqual((yield* Effect.flip(subject.node.connect(endpoint))).reason, "backing off")
        assert.deepInclude(yield* subject.stats.snapshot, {
          connect_attempts: 1,
          connect_failures: 1,
          backoff_skips: 1,
          handshakes_started: 0
        })
        assert.strictEqual((yield* subject.stats.reasons)[reason], 1)
        const known = Option.getOrThrow(yield* subject.node.explain(endpoint))
        assert.deepInclude(known, { failures: 1, reason: Option.some(reason), inFlight: false })
        yield* (yield* join(subject.node.address)).ping
      })
  )

  it.scopedLive.each(codes)(
    "%s within a session ends it as %s, and the others go on",
    ([code, reason]) =>
      Effect.gen(function*() {
        for (const method of ["read", "write"] as const) {
          const fault = new Fault()
          const subject = yield* start({ transport: transport(fault, { [method]: failing(code) }) })
          const other = yield* join(subject.node.address)
          yield* other.ping
          const peer = yield* join(subject.node.address)
          yield* peer.ping
          fault.armed = true
          yield* peer.say(types.Ping, fresh(8))
          yield* peer.rest
          const event = yield* subject.until("peer.state", ({ to }) => to === "Closed")
          assert.deepInclude(event, { reason, from: "Connected", origin: "remote" })
          yield* other.ping
          assert.strictEqual((yield* subject.stats.snapshot).peers_connected, 1)
        }
      })
  )
})
