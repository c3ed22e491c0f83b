import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { Connection } from "../../src/services/Transport.js"
import type { Machine } from "../../src/simulation/Machine.js"
import type { Disturbance, Network } from "../../src/simulation/Network.js"
import type { Path } from "../../src/simulation/Path.js"
import * as Tcp from "../../src/simulation/Tcp.js"
import { abort, read, write } from "../layers/connections.js"
import { at, exact, networkOf, numbered, pass, runIn } from "./worlds.js"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Two hosts, of which the second listens at port 1. */
const scene = (
  { path = exact, seed = 1 }: { readonly path?: Partial<Path>; readonly seed?: number } = {}
) => {
  const network = networkOf({ seed, path })
  const [near, far] = [numbered(network, 1), numbered(network, 2)]
  const accepted: Array<Tcp.Socket> = []
  listen(far, (socket) => accepted.push(socket))
  return { network, world: network.world, near, far, accepted }
}

const listen = ({ host, process }: Machine, accept: (socket: Tcp.Socket) => void): void => {
  host.listeners.set(1, { process, accept })
}

const dial = (from: Machine, to: Machine): Tcp.Socket =>
  Tcp.connect(from.network, from.process, from.host, 50_000, at(to, 1))

/** A stream that stands, and both its ends. */
const stream = (options: Parameters<typeof scene>[0] = {}) => {
  const all = scene(options)
  const mine = dial(all.near, all.far)
  runIn(all.near.process, mine.connected)
  const [theirs] = all.accepted
  if (theirs === undefined) throw new Error("nobody was accepted")
  return { ...all, mine, theirs }
}

const reasonOf = (from: Machine, effect: Effect.Effect<unknown, { readonly reason: string }>) =>
  runIn(from.process, Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "none" }))

/** All that comes until the end. */
const readAll = (connection: Connection, size = Number.POSITIVE_INFINITY) =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    for (let left = size; left > 0;) {
      const chunk = yield* read(connection)
      if (Option.isNone(chunk)) break
      chunks.push(chunk.value)
      left -= chunk.value.byteLength
    }
    return chunks
  })

const concat = (chunks: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(chunks)

const between = (network: Network, from: Machine, to: Machine, change: Partial<Path>): Disturbance => {
  const disturbance: Disturbance = {
    concerns: (one, other) => one === from.host && other === to.host,
    change
  }
  network.disturb(disturbance)
  return disturbance
}

describe("Tcp", () => {
  it("takes a round trip to open, and one way for what is written", () => {
    const { mine, near, far, theirs, world } = stream()
    assert.strictEqual(world.nowMicros, 2_000)
    assert.strictEqual(`${mine.local}`, `${theirs.remote}`)
    assert.strictEqual(`${mine.remote}`, `${theirs.local}`)
    runIn(near.process, write(mine.connection, [bytes("hello")]))
    assert.strictEqual(world.nowMicros, 2_000)
    assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection, 5))).toString(), "hello")
    assert.strictEqual(world.nowMicros, 3_000)
  })

  it("keeps the order of what is written, whatever the network does to it", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 40 }),
        (seed, chunks) => {
          const { far, mine, near, network, theirs } = stream({
            seed,
            path: { latencyMicros: 100, jitterMicros: 90_000 }
          })
          between(network, near, far, { loss: 0.5, duplicate: 0.5, reorder: 0.5 })
          near.process.run(Effect.zipRight(
            Effect.forEach(
              chunks,
              (chunk) => Effect.zipRight(write(mine.connection, [chunk]), Effect.sleep(1))
            ),
            mine.connection.end
          ))
          const read = runIn(far.process, readAll(theirs.connection))
          assert.isTrue(concat(read).equals(concat(chunks)))
          assert.isTrue(read.every(({ length }) => length > 0))
        }
      ),
      { numRuns: 60 }
    )
  })

  it("cuts what is read anywhere", () => {
    const sizes = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const { far, mine, near, theirs } = stream({ seed })
      runIn(near.process, write(mine.connection, [bytes("0123456789")]))
      const [first] = runIn(far.process, readAll(theirs.connection, 10))
      sizes.add(first?.length ?? 0)
    }
    assert.isAbove(sizes.size, 4)
    assert.include(sizes, 10)
  })

  it("hands out copies, so that nobody can change what another one reads", () => {
    const { far, mine, near, theirs } = stream()
    const sent = bytes("original")
    runIn(near.process, write(mine.connection, [sent]))
    sent.fill(0)
    assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection, 8))).toString(), "original")
  })

  it("takes as long as its bandwidth wants", () => {
    const { far, mine, near, network, theirs, world } = stream()
    between(network, near, far, { bytesPerSecond: 1_000 })
    const began = world.nowMicros
    near.process.run(write(mine.connection, [new Uint8Array(500), new Uint8Array(1_500)]))
    runIn(far.process, readAll(theirs.connection, 500))
    assert.strictEqual(world.nowMicros, began + 501_000)
    runIn(far.process, readAll(theirs.connection, 1_500))
    assert.strictEqual(world.nowMicros, began + 2_001_000)
  })

  it("only delays what the network loses", () => {
    const late = Array.from({ length: 40 }, (_, seed) => {
      const { far, mine, near, network, theirs, world } = stream({ seed })
      between(network, near, far, { loss: 0.5 })
      const began = world.nowMicros
      near.process.run(write(mine.connection, [bytes("x")]))
      assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection, 1))).toString(), "x")
      return world.nowMicros - began
    })
    assert.include(late, 1_000)
    assert.include(late, 201_000)
    assert.isTrue(late.every((micros) => micros < 2_000_000))
  })

  it("lets a writer wait while its window is full, until somebody reads", () => {
    const { far, mine, near, theirs, world } = stream()
    let written = 0
    near.process.run(Effect.forever(Effect.zipRight(
      write(mine.connection, [new Uint8Array(16_384)]),
      Effect.sync(() => written++)
    )))
    pass(world, 1_000)
    assert.strictEqual(written, 3)
    runIn(far.process, readAll(theirs.connection, 4 * 16_384))
    pass(world, 1_000)
    assert.isAtLeast(written, 4)
    assert.isAtMost(written, 8)
  })

  it("is refused where nobody listens", () => {
    const { far, near, world } = scene()
    far.host.listeners.clear()
    assert.strictEqual(reasonOf(near, dial(near, far).connected), "ConnectionRefused")
    assert.strictEqual(world.nowMicros, 2_000)
  })

  it("finds no way to a host that nobody has", () => {
    const { near, network, world } = scene()
    const socket = Tcp.connect(network, near.process, near.host, 50_000, Endpoint.make("10.0.0.99", 1))
    assert.strictEqual(reasonOf(near, socket.connected), "HostUnreachable")
    assert.strictEqual(world.nowMillis, 3_000)
  })

  it("gets no answer at all from a host without power", () => {
    const { far, near, world } = scene()
    far.host.up = false
    const fiber = near.process.run(dial(near, far).connected)
    pass(world, 600_000)
    assert.isNull(fiber.unsafePoll())
  })

  it("knocks again at 1, 3, 7, 15 and 31 s while nothing passes, and is heard then", () => {
    for (const healAt of [500, 2_500, 10_000]) {
      const { accepted, far, near, network, world } = scene()
      const partition = between(network, near, far, { blocked: true })
      world.after(healAt * 1_000, () => network.calm(partition))
      runIn(near.process, dial(near, far).connected)
      assert.strictEqual(world.nowMicros, { 500: 1_002_000, 2_500: 3_002_000, 10_000: 15_002_000 }[healAt])
      assert.strictEqual(accepted.length, 1)
    }
  })

  it("has one stream alone, though the answer to its first packet was lost", () => {
    const { accepted, far, near, network, world } = scene()
    const oneWay = between(network, far, near, { blocked: true })
    const socket = dial(near, far)
    pass(world, 500)
    assert.strictEqual(accepted.length, 1)
    assert.isFalse(socket.open)
    network.calm(oneWay)
    runIn(near.process, socket.connected)
    assert.strictEqual(world.nowMicros, 1_002_000)
    assert.strictEqual(accepted.length, 1)
  })

  it("passes in one direction of a partition that has but one", () => {
    const { far, mine, near, network, theirs, world } = stream()
    const oneWay = between(network, near, far, { blocked: true })
    near.process.run(write(mine.connection, [bytes("stuck")]))
    runIn(far.process, write(theirs.connection, [bytes("heard")]))
    assert.strictEqual(concat(runIn(near.process, readAll(mine.connection, 5))).toString(), "heard")
    const reader = far.process.run(readAll(theirs.connection, 5))
    pass(world, 60_000)
    assert.isNull(reader.unsafePoll())
    network.calm(oneWay)
    pass(world, 1)
    assert.isNotNull(reader.unsafePoll())
  })

  it("holds up what is clogged and brings it all in the end", () => {
    const { far, mine, near, network, theirs, world } = stream()
    const clog = between(network, near, far, { clogged: true })
    near.process.run(
      Effect.forEach(
        ["a", "b", "c"],
        (text) => Effect.zipRight(write(mine.connection, [bytes(text)]), Effect.sleep(1_000))
      )
    )
    pass(world, 10_000)
    network.calm(clog)
    const began = world.nowMicros
    assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection, 3))).toString(), "abc")
    assert.strictEqual(world.nowMicros, began + 1_000)
  })

  it("shows a reset after what came before it", () => {
    const { far, mine, near, theirs } = stream()
    runIn(near.process, Effect.zipRight(write(mine.connection, [bytes("bye")]), abort(mine.connection)))
    assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection, 3))).toString(), "bye")
    assert.strictEqual(reasonOf(far, read(theirs.connection)), "ConnectionReset")
    assert.strictEqual(reasonOf(far, write(theirs.connection, [bytes("x")])), "ConnectionReset")
    assert.strictEqual(reasonOf(near, read(mine.connection)), "ConnectionAborted")
  })

  it("loses a reset that finds no way, and the other end learns of it when it writes", () => {
    const { far, mine, near, network, theirs, world } = stream()
    const partition = between(network, near, far, { blocked: true })
    runIn(near.process, abort(mine.connection))
    network.calm(partition)
    pass(world, 60_000)
    assert.isUndefined(theirs.broken)
    runIn(far.process, write(theirs.connection, [bytes("anybody?")]))
    assert.strictEqual(reasonOf(far, read(theirs.connection)), "ConnectionReset")
  })

  it("ends one direction after all that was written, and keeps the other open", () => {
    const { far, mine, near, theirs } = stream()
    runIn(near.process, Effect.zipRight(write(mine.connection, [bytes("last")]), mine.connection.end))
    assert.strictEqual(concat(runIn(far.process, readAll(theirs.connection))).toString(), "last")
    assert.strictEqual(reasonOf(near, write(mine.connection, [bytes("more")])), "BrokenPipe")
    runIn(far.process, Effect.zipRight(write(theirs.connection, [bytes("late")]), theirs.connection.end))
    assert.strictEqual(concat(runIn(near.process, readAll(mine.connection))).toString(), "late")
  })

  it("says that it is closed by a FIN, or by a reset if something was left unread", () => {
    const one = stream()
    one.mine.close()
    assert.deepStrictEqual(runIn(one.far.process, read(one.theirs.connection)), Option.none())
    const two = stream()
    runIn(two.far.process, write(two.theirs.connection, [bytes("unread")]))
    pass(two.world, 2)
    two.mine.close()
    assert.strictEqual(reasonOf(two.far, read(two.theirs.connection)), "ConnectionReset")
  })

  it("answers whoever writes to an end that has vanished by a reset, once its host is up", () => {
    const { far, mine, near, theirs, world } = stream()
    theirs.vanish()
    far.host.up = false
    near.network.changed()
    pass(world, 60_000)
    assert.isUndefined(mine.broken)
    near.process.run(Effect.ignore(write(mine.connection, [bytes("anybody?")])))
    pass(world, 60_000)
    assert.isUndefined(mine.broken)
    far.host.up = true
    near.network.changed()
    assert.strictEqual(reasonOf(near, read(mine.connection)), "ConnectionReset")
  })

  it("tells an orphan's owner only when something is written", () => {
    const { far, mine, near, theirs, world } = stream()
    mine.orphan()
    theirs.reset()
    pass(world, 60_000)
    assert.isUndefined(mine.broken)
    runIn(near.process, write(mine.connection, [bytes("x")]))
    assert.strictEqual(reasonOf(near, read(mine.connection)), "ConnectionReset")
    assert.strictEqual(reasonOf(far, read(theirs.connection)), "ConnectionReset")
  })

  it("wakes a writer and a reader that wait when it is reset", () => {
    const { mine, near, world } = stream()
    const waits = [
      near.process.run(Effect.flip(Effect.forever(write(mine.connection, [new Uint8Array(40_000)])))),
      near.process.run(Effect.flip(read(mine.connection)))
    ]
    pass(world, 100)
    mine.reset("BrokenPipe")
    pass(world, 1)
    for (const fiber of waits) {
      const exit = fiber.unsafePoll()
      assert.strictEqual(
        exit?._tag === "Success" ? exit.value.reason : Cause.pretty(exit?.cause ?? Cause.empty),
        "BrokenPipe"
      )
    }
  })

  it("resets the far end where the near one has given up before the answer", () => {
    const { accepted, far, near, world } = scene()
    const socket = dial(near, far)
    pass(world, 1.5)
    socket.close()
    pass(world, 100)
    assert.strictEqual(accepted.length, 1)
    const [end] = accepted
    assert.isDefined(end?.broken)
    assert.strictEqual(near.host.sockets.size, 0)
  })
})
