/**
 * What a node does for one thing, counted: numbers that are the same on every machine, so that nobody makes the node
 * slower without noticing. The bounds stand in docs/performance.md.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import { spawnSync } from "node:child_process"
import type * as Crypto from "node:crypto"
import * as Net from "node:net"
import { afterAll, beforeAll, vi } from "vitest"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as TcpNode from "../../src/layers/TcpNode.js"
import type * as Aead from "../../src/protocol/Aead.js"
import { Node } from "../../src/services/Node.js"
import { rows } from "../docs/documents.js"
import { program, tidy } from "../e2e/process.js"

const bounds = new Map(
  rows("docs/performance.md", "count", "at most").map((
    [name, bound]
  ) => [name, Number(bound?.replaceAll(",", ""))])
)
const met = new Set<string>()

/** Holds what was counted to its bound in the document. */
const atMost = (name: string, count: number) => {
  met.add(name)
  assert.isAtMost(count, bounds.get(name) ?? Number.NaN, name)
}

const crypto = vi.hoisted(() => new Map<string, number>())

vi.mock("node:crypto", async (importOriginal) => {
  const original = await importOriginal<typeof Crypto>()
  const counted = [
    "diffieHellman",
    "generateKeyPairSync",
    "sign",
    "verify"
  ] as const
  const replaced = counted.map((name) => [
    name,
    (...args: ReadonlyArray<unknown>) => {
      crypto.set(name, (crypto.get(name) ?? 0) + 1)
      return Reflect.apply(original[name], undefined, args)
    }
  ])
  return { ...original, ...Object.fromEntries(replaced) }
})

vi.mock("../../src/protocol/Aead.js", async (importOriginal) => {
  const original = await importOriginal<typeof Aead>()
  const counted = (["seal", "sealInto", "open"] as const).map((name) => [
    name,
    (...args: ReadonlyArray<unknown>) => {
      crypto.set("aead", (crypto.get("aead") ?? 0) + 1)
      return Reflect.apply(original[name], undefined, args)
    }
  ])
  return { ...original, ...Object.fromEntries(counted) }
})

const calls = (...names: ReadonlyArray<string>) =>
  names.reduce((sum, name) => sum + (crypto.get(name) ?? 0), 0)

/** What all sockets of this process were given to write since the count began, one system call each. */
const writes: Array<Uint8Array> = []

const count = Effect.sync(() => {
  writes.length = 0
  crypto.clear()
})

const bytesWritten = () => writes.reduce((sum, { length }) => sum + length, 0)

/** How many frames were written. */
const frames = (): number => {
  const bytes = Buffer.concat(writes)
  let found = 0
  for (let at = 0; at < bytes.length; found++) {
    let length = 0
    let shift = 0
    for (; (bytes[at] ?? 0) >= 128; at++, shift += 7) length |= ((bytes[at] ?? 0) & 127) << shift
    length |= (bytes[at] ?? 0) << shift
    at += 1 + length
  }
  return found
}

const { _write, _writev } = Net.Socket.prototype
beforeAll(() => {
  Net.Socket.prototype._write = function(chunk, ...rest) {
    writes.push(chunk)
    _write.call(this, chunk, ...rest)
  }
  Net.Socket.prototype._writev = function(chunks, done) {
    writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)))
    _writev?.call(this, chunks, done)
  }
})
afterAll(() => void Object.assign(Net.Socket.prototype, { _write, _writev }))

// No Ping but the first one comes in between.
const limits = { ...Limits.defaults, pingMillis: 3_600_000, staleMillis: 3_600_000 }

const start = (id: string): Effect.Effect<Node["Type"], never, Scope.Scope> =>
  Layer.build(Layer.fresh(TcpNode.layer({ id: NodeId.make(id), host: Option.some("127.0.0.1"), limits })))
    .pipe(
      Effect.map(Context.get(Node)),
      Effect.orDie
    )

/** Opens a session and lets the first Ping of the server come back. */
const join = (server: Node["Type"], client: Node["Type"]) =>
  Effect.gen(function*() {
    const settled = yield* Effect.forkScoped(
      Stream.runHead(Stream.filter(server.events, (event) => event.ev === "peer.rtt"))
    )
    yield* Effect.yieldNow()
    yield* client.connect(server.address)
    yield* Fiber.join(settled)
  })

/** Two nodes with a session, whose count begins; the second one sends, and all of it arrives. */
const sent = (messages: number, bytes: number) =>
  Effect.gen(function*() {
    const server = yield* start("server")
    const client = yield* start("client")
    yield* join(server, client)
    const arrived = yield* Effect.forkScoped(
      Stream.runCollect(Stream.take(server.messages, messages))
    )
    yield* Effect.yieldNow()
    yield* count
    const payload = new Uint8Array(bytes)
    for (let sent = 0; sent < messages; sent++) yield* client.send(server.peerId, "t", payload)
    assert.strictEqual(Chunk.size(yield* Fiber.join(arrived)), messages)
  })

describe("a session", () => {
  it.scopedLive("opens with the work that the protocol asks for", () =>
    Effect.gen(function*() {
      const server = yield* start("server")
      const client = yield* start("client")
      yield* count
      yield* join(server, client)
      atMost("signatures made, a handshake", calls("sign"))
      atMost("signatures checked, a handshake", calls("verify"))
      atMost("keys made, a handshake", calls("generateKeyPairSync"))
      atMost("key agreements, a handshake", calls("diffieHellman"))
      atMost("socket writes, a handshake", writes.length)
      atMost("bytes on the wire, a handshake", bytesWritten())
    }))

  it.scopedLive("is kept by few fibers", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.track
      const server = yield* Effect.supervised(start("server"), supervisor)
      const alive = Effect.map(supervisor.value, (fibers) => fibers.length)
      // By the first one, what a start leaves behind is gone.
      yield* join(server, yield* start("client"))
      const before = yield* alive
      const peers = 4
      for (let peer = 0; peer < peers; peer++) yield* join(server, yield* start(`client-${peer}`))
      atMost("fibers, a connection", ((yield* alive) - before) / peers)
    }))

  it.scopedLive("is opened and closed in few steps of fibers", () =>
    Effect.gen(function*() {
      let steps = 0
      const own = yield* FiberRef.get(FiberRef.currentScheduler)
      // A fiber asks its scheduler before each of its steps.
      const counting: Scheduler.Scheduler = {
        shouldYield: (fiber) => {
          steps++
          return own.shouldYield(fiber)
        },
        scheduleTask: (task, priority) => own.scheduleTask(task, priority)
      }
      const server = yield* Effect.withScheduler(start("server"), counting)
      const client = yield* Effect.withScheduler(start("client"), counting)
      const closed = yield* Effect.makeSemaphore(0)
      yield* Effect.forkScoped(Stream.runForEach(client.events, (event) =>
        event.ev === "peer.state" && event.to === "Closed" ? closed.release(1) : Effect.void))
      const sessions = 20
      for (let session = 0; session <= sessions; session++) {
        // By the first one, what a start leaves behind is gone.
        if (session === 1) {
          steps = 0
        }
        const peer = yield* client.connect(server.address)
        yield* client.disconnect(peer.id)
        yield* closed.take(1)
      }
      atMost("steps of fibers, a session opened and closed", steps / sessions)
    }))
})

describe("messages of 100 B", () => {
  it.scopedLive("go out at once where one waits alone", () =>
    Effect.gen(function*() {
      yield* sent(1, 100)
      atMost("socket writes, a message alone", writes.length)
      atMost("AEAD calls, a message alone", calls("aead"))
      atMost("bytes on the wire, a message alone", bytesWritten())
    }))

  it.scopedLive("share a write and a tag where many wait", () =>
    Effect.gen(function*() {
      yield* sent(100, 100)
      atMost("socket writes, 100 messages in a turn", writes.length)
      atMost("frames, 100 messages in a turn", frames())
      atMost("AEAD calls, 100 messages in a turn", calls("aead"))
      atMost("bytes on the wire, 100 messages in a turn", bytesWritten())
    }))

  it.scopedLive("do so under load, too", () =>
    Effect.gen(function*() {
      yield* sent(5_000, 100)
      atMost("socket writes, 5,000 messages", writes.length)
      atMost("frames, 5,000 messages", frames())
      atMost("AEAD calls, 5,000 messages", calls("aead"))
    }))
})

describe("the command", () => {
  tidy()

  const counting = `
    const before = process.moduleLoadList.length
    process.on("exit", () => console.error(
      JSON.stringify([Object.keys(require.cache).length, process.moduleLoadList.length - before])))
    require(process.argv[1])`

  it("loads little to say what it can do", () => {
    const { status, stderr, stdout } = spawnSync(process.execPath, ["-e", counting, program, "--help"], {
      encoding: "utf8"
    })
    assert.strictEqual(status, 0)
    assert.include(stdout, "vix p2p")
    const [files, builtIn] = JSON.parse(stderr) as ReadonlyArray<number>
    atMost("files loaded for help", files ?? Number.NaN)
    atMost("modules of Node loaded for help", builtIn ?? Number.NaN)
  })
})

it("holds every bound of the document", () => {
  assert.deepStrictEqual([...met].sort(), [...bounds.keys()].sort())
})
