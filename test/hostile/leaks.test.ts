/** Thousands of connections, good and bad, after which everything is as it was. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Message from "../../src/protocol/Message.js"
import { first, fresh, greet, join, party } from "./peer.js"
import { descriptors, resources, returns, start, type Subject } from "./subject.js"
import { dial } from "./wire.js"

setFlagsFromString("--expose-gc")
// What the compilers make lies in the heap, too, and grows while a program warms up.
setFlagsFromString("--no-opt")
setFlagsFromString("--no-maglev")
setFlagsFromString("--no-sparkplug")
setFlagsFromString("--no-flush-bytecode")
const collect: () => void = runInNewContext("gc")

/** Bytes of the heap in use, after what is garbage has gone. */
const heap = Effect.sync(() => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
})

/** Bytes by which the heap grows with every cycle: the median of the slopes between all points, deaf to single steps. */
const slope = (points: ReadonlyArray<number>, cycles: number): number => {
  const slopes = points.flatMap((point, at) =>
    points.slice(at + 1).map((later, after) => (later - point) / (after + 1) / cycles)
  ).sort((a, b) => a - b)
  return slopes[slopes.length >> 1] ?? Number.NaN
}

const local = party({ nodeId: "regular" })

/** Comes, says hello and goodbye, and goes. */
const visit = (subject: Subject, connSeq: bigint) =>
  Effect.gen(function*() {
    const peer = yield* join(subject.node.address, local, { connSeq, seenSeq: 0n })
    yield* peer.hear
    yield* peer.say(Envelope.types.Close, Message.encodeClose(1, ""))
    yield* peer.rest
  }).pipe(Effect.scoped)

const failures: ReadonlyArray<(subject: Subject) => Effect.Effect<unknown, unknown>> = [
  ({ node }) => Effect.scoped(Effect.flatMap(dial(node.address), ({ reset }) => reset)),
  ({ node }) =>
    Effect.scoped(
      Effect.flatMap(dial(node.address), (wire) => Effect.zipRight(wire.send(fresh(100)), wire.rest))
    ),
  ({ node }) =>
    Effect.gen(function*() {
      const wire = yield* dial(node.address)
      yield* greet(wire, local)
      yield* wire.reset
    }).pipe(Effect.scoped),
  ({ node }) =>
    Effect.gen(function*() {
      const wire = yield* dial(node.address)
      const { initiator } = yield* greet(wire, local)
      const { frame } = initiator.finish(first)
      frame[frame.length - 1] = (frame[frame.length - 1] ?? 0) ^ 1
      yield* wire.send(frame)
      yield* wire.rest
    }).pipe(Effect.scoped),
  ({ node }) =>
    Effect.gen(function*() {
      // Refused: the node has its name.
      const peer = yield* join(node.address, { ...local, nodeId: node.id })
      yield* peer.rest
    }).pipe(Effect.scoped),
  ({ node }) => Effect.flip(node.connect(node.address))
]

/** Runs cycles, weighs the heap now and then, and asserts that nothing is left of them. */
const cycles = (
  count: number,
  cycle: (subject: Subject, number: number) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function*() {
    // What a node remembers of strangers is bounded; here so tightly that the memory is full from the start.
    const subject = yield* start({ limits: { seenHellos: 16, lostPeers: 4, halfOpen: 8, endpoints: 4 } })
    const before = {
      descriptors: yield* descriptors,
      resources: yield* resources,
      fibers: yield* subject.fibers
    }
    const points: Array<number> = []
    const part = 0.09 * count
    for (let number = 1; number <= count; number++) {
      yield* cycle(subject, number)
      // The first tenth fills what is filled once. The events are the test's own.
      if (number >= 0.1 * count && (number - 0.1 * count) % part === 0) {
        yield* subject.idle
        subject.forget()
        points.push(yield* heap)
      }
    }
    yield* subject.idle
    yield* returns(before.descriptors, descriptors)
    yield* returns(before.resources, resources)
    yield* returns(before.fibers, subject.fibers)
    assert.deepInclude(yield* subject.stats.snapshot, { peers_connected: 0 })
    assert.isAtMost(slope(points, part), 50)
    yield* (yield* join(subject.node.address)).ping
  })

describe("nothing is left", () => {
  it.scopedLive(
    "of 2,000 sessions",
    () => cycles(2_000, (subject, number) => visit(subject, BigInt(number))),
    60_000
  )

  it.scopedLive(
    "of 2,000 failures of all kinds",
    () => cycles(2_000, (subject, number) => failures[number % failures.length]?.(subject) ?? Effect.void),
    60_000
  )
})
