/** The command `vix p2p`: a node from its start to its end, and what people and programs see of it. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Counters from "../domain/Counters.js"
import type { NodeEvent, Untimed } from "../domain/NodeEvent.js"
import { turn } from "../internal/turns.js"
import { type Message, Node } from "../services/Node.js"
import { Stats } from "../services/Stats.js"
import type { TransportError } from "../services/Transport.js"
import * as Ending from "./ending.js"
import * as Logger from "./logger.js"
import * as Output from "./output.js"
import type { Invocation } from "./parse.js"
import { readyFile, type ReadyFileError, vacate } from "./readyFile.js"
import { statsLines } from "./statsLines.js"
import type { Terminal } from "./terminal.js"

/** What a run stands on. */
export interface World {
  readonly node: (invocation: Invocation) => Layer.Layer<Node | Stats, TransportError>
  readonly terminal: Terminal
  /** Waits for a signal and names it. */
  readonly signalled: Effect.Effect<string>
}

type Emit = (event: Untimed) => Effect.Effect<void>

/** What a run has got hold of so far. */
interface Running {
  stats: Option.Option<Stats["Type"]>
  watcher: Option.Option<Fiber.Fiber<void>>
}

/** Runs a node until it is over; returns the exit code. */
export const run = (invocation: Invocation, world: World): Effect.Effect<number> => {
  const plan = Output.plan(invocation, world.terminal)
  const output = Output.make(plan, invocation.node.id, world.terminal)
  const emit: Emit = (event) =>
    Effect.map(Clock.currentTimeMillis, (atMillis) => output.emit({ ...event, atMillis } as NodeEvent))

  return Effect.gen(function*() {
    for (const message of [...plan.warnings, ...invocation.notices]) {
      yield* emit({ ev: "log", level: "warn", message })
    }
    const life = yield* openScope
    const running: Running = { stats: Option.none(), watcher: Option.none() }
    const start = Effect.gen(function*() {
      if (Option.isSome(invocation.readyFile)) yield* vacate(invocation.readyFile.value)
      const context = yield* Layer.build(world.node(invocation)).pipe(Scope.extend(life))
      running.stats = Option.some(Context.get(context, Stats))
      const watcher = yield* watch(Context.get(context, Node), plan.mode === "ndjson", output.emit)
      running.watcher = Option.some(watcher)
      return yield* Effect.raceFirst(
        Scope.extend(attend(invocation, context, emit), life),
        Effect.zipRight(Fiber.join(watcher), Effect.never)
      )
    })
    const exit = yield* start.pipe(
      Effect.raceFirst(Effect.map(world.signalled, Ending.signal)),
      Effect.raceFirst(Effect.map(world.terminal.broken, Ending.unwritable)),
      Effect.exit
    )
    const exitCode = yield* finish(Ending.ofExit(exit, invocation), running, life, output, emit)
    return yield* Ending.settle(exitCode, world, output.fail)
  }).pipe(Effect.scoped, Effect.provide(Logger.layer(plan.level, output.emit)))
}

/** Closes the node and says the last words. The counters are those from before the peers are closed. */
const finish = (
  { cause, error, exitCode }: Ending.Ending,
  { stats, watcher }: Running,
  life: Scope.CloseableScope,
  output: Output.Output,
  emit: Emit
): Effect.Effect<number> =>
  Effect.gen(function*() {
    const [counters, reasons] = Option.isSome(stats)
      ? yield* Effect.all([stats.value.snapshot, stats.value.reasons])
      : [Counters.zero, {}]
    if (error !== undefined) output.fail(error, yield* Clock.currentTimeMillis)
    yield* emit({ ev: "stopping", cause })
    yield* Scope.close(life, Exit.void)
    // The events of the node end with it; what they still hold is told first.
    if (Option.isSome(watcher)) yield* Effect.raceFirst(Fiber.await(watcher.value), Effect.sleep(lastWords))
    yield* emit({ ev: "final", counters, reasons, exitCode })
    return exitCode
  })

const lastWords = Duration.millis(100)

const openScope = Effect.acquireRelease(Scope.make(), Scope.close)

// A line for each takes longer than to receive it, and timers and signals have their turn in between.
const messagesATurn = 256

/** Tells all that happens in a node, from its beginning to its end, in a fiber of the outer scope. */
const watch = (
  node: Node["Type"],
  messages: boolean,
  emit: (event: NodeEvent) => void
): Effect.Effect<Fiber.Fiber<void>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const watcher = yield* Stream.runForEachChunk(node.events, (events) =>
      Effect.sync(() => {
        for (const event of events) emit(event)
      })).pipe(Effect.forkScoped)
    if (messages) {
      const tell = (all: Chunk.Chunk<Message>): Effect.Effect<void> =>
        Effect.flatMap(Clock.currentTimeMillis, (atMillis) => {
          for (const { from, nodeId, payload, topic } of Chunk.take(all, messagesATurn)) {
            emit({ ev: "message", atMillis, peer: from, nodeId, topic, payload })
          }
          const left = Chunk.drop(all, messagesATurn)
          return Chunk.isEmpty(left) ? Effect.void : Effect.zipRight(turn, tell(left))
        })
      yield* Effect.forkScoped(Stream.runForEachChunk(node.messages, tell))
    }
    // Lets the watchers begin, so that `listening` is told first.
    yield* Effect.yieldNow()
    return watcher
  })

/** Everything between `listening` and `stopping`. */
const attend = (
  invocation: Invocation,
  context: Context.Context<Node | Stats>,
  emit: Emit
): Effect.Effect<Ending.Ending, ReadyFileError, Scope.Scope> =>
  Effect.gen(function*() {
    const node = Context.get(context, Node)
    const stats = Context.get(context, Stats)
    if (Option.isSome(invocation.readyFile)) {
      yield* readyFile(invocation.readyFile.value, { port: node.address.port, peerId: node.peerId })
    }
    return yield* over(invocation, stats).pipe(
      Effect.raceFirst(
        statsLines(stats, invocation.statsMillis, (counters) => emit({ ev: "stats", counters }))
      )
    )
  })

/** The ends that a line asks for: after a time, or once enough peers are connected. */
const over = (
  { runMillis, waitMillis, waitPeers }: Invocation,
  stats: Stats["Type"]
): Effect.Effect<Ending.Ending> =>
  Option.match(waitPeers, {
    onNone: () => runMillis === 0 ? Effect.never : Effect.delay(Effect.succeed(Ending.runOver), runMillis),
    onSome: (wanted) => {
      const millis = runMillis === 0 ? waitMillis : Math.min(runMillis, waitMillis)
      const there = Stream.runHead(Stream.filter(stats.changes, (now) => now.peers_connected >= wanted))
      const missing = Effect.map(
        stats.snapshot,
        (now) => Ending.peersMissing(wanted, now.peers_connected, millis)
      )
      return Effect.raceFirst(Effect.as(there, Ending.peersThere), Effect.delay(missing, millis))
    }
  })
