/** The command `vix simulate`: one seed or many, what they come to, and what led to a failure. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { accessSync, constants } from "node:fs"
import { writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { dirname } from "node:path"
import { turn } from "../internal/turns.js"
import * as Failure from "../simulation/Failure.js"
import * as Fault from "../simulation/Fault.js"
import * as Run from "../simulation/Run.js"
import { shrink } from "../simulation/Shrink.js"
import { Timeline } from "../simulation/Timeline.js"
import type { UsageError } from "./commandLine.js"
import * as Ending from "./ending.js"
import { fileCause } from "./fileCause.js"
import { quoted } from "./prepare.js"
import { aborted } from "./signals.js"
import { commandOf, numbered, settingsOf } from "./simulateFaults.js"
import * as Output from "./simulateOutput.js"
import { type Invocation, parse } from "./simulateParse.js"
import { Tally } from "./simulateTally.js"
import * as Text from "./simulateText.js"
import * as Work from "./simulateWork.js"
import { misuse } from "./telling.js"
import * as Terminal from "./terminal.js"

/** What a run stands on. */
export interface World {
  readonly terminal: Terminal.Terminal
  /** Waits for a signal and names it. */
  readonly signalled: Effect.Effect<string>
  /** How many seeds run side by side, if the line does not say. */
  readonly cores: number
  readonly steps: Work.Steps
  readonly hire: (argv: ReadonlyArray<string>) => Effect.Effect<Work.Hand, never, Scope.Scope>
}

/** Runs `vix simulate` with what follows it on the line until `signal` aborts or the run is over. */
export const simulate = (argv: ReadonlyArray<string>, signal: AbortSignal): Promise<number> =>
  Effect.runPromise(
    command(argv, {
      terminal: Terminal.ofProcess(),
      signalled: aborted(signal),
      cores: availableParallelism(),
      steps: Run.steps,
      hire: Work.hire
    })
  )

export { work } from "./simulateWork.js"

/** `vix simulate` in a world of its own; returns the exit code. */
export const command = (argv: ReadonlyArray<string>, world: World): Effect.Effect<number> =>
  parse(argv).pipe(
    Effect.flatMap((invocation) => run(argv, invocation, world)),
    Effect.catchTag("UsageError", (error) => misused(error, world.terminal))
  )

const misused = (error: UsageError, terminal: Terminal.Terminal): Effect.Effect<number> =>
  Effect.suspend(() => {
    const output = Output.make(error.events === "ndjson" ? "ndjson" : "lines", terminal)
    return Effect.as(misuse("simulate", error, output.fail, terminal), 1)
  })

/** What the parts of a run share. */
interface Running {
  readonly argv: ReadonlyArray<string>
  readonly invocation: Invocation
  readonly firstSeed: number
  readonly world: World
  readonly output: Output.Output
  readonly tally: Tally
  /** Where the one seed stands. */
  now: Run.Progress | undefined
  /** Shows a line, if there is a place for it and the last one is a while ago. */
  readonly progress: (line: (realMillis: number) => string) => Effect.Effect<void>
}

class TimelineError extends Data.TaggedError("TimelineError")<{
  readonly file: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `--timeline ${quoted(this.file)}: cannot be written: ${fileCause(this.cause)}`
  }
}

const run = (
  argv: ReadonlyArray<string>,
  invocation: Invocation,
  world: World
): Effect.Effect<number> =>
  Effect.gen(function*() {
    const { seed, seeds, timeline } = invocation
    const { terminal } = world
    const mode = Output.modeOf(invocation, terminal)
    const output = Output.make(mode, terminal)
    const startNanos = yield* Clock.currentTimeNanos
    const realMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos - startNanos) / 1e6)
    const firstSeed = yield* Option.match(seed, {
      onSome: Effect.succeed,
      onNone: () => Random.nextIntBetween(0, 2 ** 32 - seeds + 1)
    })
    if (Option.isNone(seed) && mode !== "quiet") output.note(`vix simulate: --seed ${firstSeed}`)
    const tally = new Tally(firstSeed)
    const running: Running = {
      argv,
      invocation,
      firstSeed,
      world,
      output,
      tally,
      now: undefined,
      progress: progressOf(output.progress, realMillis)
    }
    const all = Effect.zipRight(writable(timeline), seeds === 1 ? one(running) : many(running))
    let ending = yield* ended(all, world)
    output.end()
    if (seeds === 1 && tally.last !== undefined) output.print(`${Text.nodesTable(tally.last.outcome)}\n`)
    output.print(Text.summary(invocation, firstSeed, tally, yield* realMillis))
    if (ending !== undefined && running.now !== undefined) output.print(Text.untilNow(running.now))
    if (ending === undefined && tally.failure !== undefined) {
      ending = yield* ended(explain(running, tally.failure), world)
      output.end()
    }
    if (ending?.error !== undefined) output.fail(ending.error, yield* Clock.currentTimeMillis)
    output.line(Text.quietLine(firstSeed, tally))
    const word = tally.exitCode > 0 ? "FAIL" : ending === undefined ? "PASS" : `STOPPED: ${ending.cause}`
    output.print(`${word}\n`)
    const exitCode = ending !== undefined && ending.exitCode > 0 ? ending.exitCode : tally.exitCode
    // Whoever has a trace to read may take the time.
    return yield* Ending.settle(exitCode, world, output.fail, Duration.infinity)
  })

/** How it came to an early end; nothing if it came to its own. */
const ended = (
  effect: Effect.Effect<void, TimelineError>,
  { signalled, terminal }: World
): Effect.Effect<Ending.Ending | undefined> =>
  effect.pipe(
    Effect.as(undefined),
    Effect.raceFirst(Effect.map(signalled, Ending.signal)),
    Effect.raceFirst(Effect.map(terminal.broken, Ending.unwritable)),
    Effect.catchTag("TimelineError", ({ message }) =>
      Effect.succeed({ cause: "cannot write the timeline", exitCode: 1, error: message })),
    Effect.exit,
    Effect.map(Exit.getOrElse(Ending.defect))
  )

/** One seed, in this thread. */
const one = (running: Running): Effect.Effect<void, TimelineError> =>
  Effect.gen(function*() {
    const { argv, firstSeed, invocation, output, progress, tally, world } = running
    const { logLevel, timeline } = invocation
    const drawing = Option.isSome(timeline) ? new Timeline() : undefined
    const log = Work.logOf(logLevel, output.note)
    const steps = Work.examine(invocation, firstSeed, {
      ...log,
      happening: (happening) => {
        output.happening?.(happening)
        drawing?.see(happening)
        log.happening?.(happening)
      }
    }, world.steps)
    const result = yield* inSlices(steps, (now) => {
      running.now = now
      return Effect.zipRight(
        progress((realMillis) => Text.progressLine(now, realMillis)),
        room(world.terminal)
      )
    })
    tally.take(result)
    output.result(Text.resultObject(result, commandOf(argv, firstSeed)))
    if (Option.isSome(timeline) && drawing !== undefined) {
      yield* Effect.tryPromise({
        try: () => writeFile(timeline.value, drawing.svg(result.outcome)),
        catch: (cause) => new TimelineError({ file: timeline.value, cause })
      })
    }
  })

/** Many seeds, side by side in threads of their own. */
const many = (
  { argv, firstSeed, invocation, output, progress, tally, world }: Running
): Effect.Effect<void> => {
  const { jobs, seeds } = invocation
  const hands = Math.min(seeds, Option.getOrElse(jobs, () => world.cores))
  let begun = 0
  const hand = Effect.gen(function*() {
    const runSeed = yield* world.hire(argv)
    while (begun < seeds) {
      const seed = firstSeed + begun++
      for (const result of tally.take(yield* runSeed(seed, (text) => output.note(`seed ${seed} ${text}`)))) {
        if (tally.failed.includes(result.outcome.seed)) output.print(`${Text.failedLine(result)}\n`)
        output.result(Text.resultObject(result, commandOf(argv, result.outcome.seed)))
      }
      yield* progress((realMillis) => Text.seedsLine(tally, seeds, realMillis))
    }
  })
  return Effect.all(Array.from({ length: hands }, () => Effect.scoped(hand)), {
    concurrency: "unbounded",
    discard: true
  })
}

/** Tells what led to a failure, and finds the fewest faults that lead to it, too. */
const explain = (running: Running, { outcome, parting }: Work.Result): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { argv, invocation, output, progress, world } = running
    const { seed, violation } = outcome
    const again = commandOf(argv, seed)
    if (parting !== undefined) {
      output.report(`\ntwo runs of seed ${seed} parted ${parting}\nAgain:\n  ${again} --twice\n`)
    }
    if (violation === undefined) return
    output.report(`\n${Failure.report(outcome, again)}\n`)
    const faults = numbered(invocation, seed)
    const { numbers, outcome: smallest, settings } = yield* inSlices(
      shrink(settingsOf(invocation, seed), outcome, { steps: (settings) => world.steps(settings, {}) }),
      (search) => progress(() => Text.searchLine(search))
    )
    if (smallest === outcome) {
      return output.report(`\nNo fault of the ${faults.length} can be left out.\n`)
    }
    const left = faults.filter((_, at) => numbers.includes(at + 1))
    const smaller = { numbers: left.map(({ number }) => number), forMillis: settings.forMillis }
    output.report([
      "",
      left.length === 0 ? "It takes no fault:" : `Of ${Text.plural(faults.length, "fault")}, it takes these:`,
      ...left.map(({ fault, number }) => `  ${number}  ${Fault.describe(fault)}`),
      `  ${Text.failedLine({ outcome: smallest, parting: undefined })}`,
      "Again:",
      `  ${commandOf(argv, seed, smaller)}\n`
    ].join("\n"))
  })

/** Takes step after step, and lets signals in between. */
const inSlices = <P, A, E>(
  steps: Generator<P, A>,
  look: (progress: P) => Effect.Effect<void, E>
): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield* look(step.value)
      yield* turn
    }
  })

/** What a slow reader leaves standing may not fill the memory. */
const room = ({ drained, stdout }: Terminal.Terminal): Effect.Effect<void> =>
  Effect.suspend(() => stdout.waiting() <= waitingBytes ? Effect.void : drained)

const waitingBytes = 1_048_576

/** Draws a line ten times a second, or less often if that takes long. */
const progressOf = (
  draw: Output.Output["progress"],
  realMillis: Effect.Effect<number>
): Running["progress"] => {
  let nextAtMillis = 0
  return (line) =>
    draw === undefined ? Effect.void : Effect.gen(function*() {
      const before = yield* realMillis
      if (before < nextAtMillis) return
      draw(line(before))
      const after = yield* realMillis
      nextAtMillis = after + Math.max(100, 10 * (after - before))
    })
}

/** Whether the timeline can be written is better known before than after. */
const writable = (timeline: Option.Option<string>): Effect.Effect<void, TimelineError> =>
  Option.match(timeline, {
    onNone: () => Effect.void,
    onSome: (file) =>
      Either.try({
        try: () => accessSync(dirname(file), constants.W_OK),
        catch: (cause) => new TimelineError({ file, cause })
      })
  })
