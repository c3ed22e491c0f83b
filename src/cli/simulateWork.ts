/** Running one seed, here or in a thread of its own. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import type * as Scope from "effect/Scope"
import { parentPort, Worker, workerData } from "node:worker_threads"
import * as Run from "../simulation/Run.js"
import type { Onlooker, Settings } from "../simulation/Simulation.js"
import { type Happening, line } from "../simulation/Trace.js"
import { describe } from "./describe.js"
import { type Level, parse as parseLevel, shows } from "./level.js"
import { settingsOf } from "./simulateFaults.js"
import { type Invocation, parse } from "./simulateParse.js"
import { printable } from "./text.js"

/** How a run is made. */
export type Steps = (settings: Settings, onlooker: Onlooker) => Generator<Run.Progress, Run.Outcome>

/** What became of a seed. */
export interface Result {
  readonly outcome: Run.Outcome
  /** Where two runs of it parted, which must not be. */
  readonly parting: string | undefined
}

/** Runs a seed somewhere else; `tell` takes the lines of its nodes' logs. */
export type Hand = (seed: number, tell: (text: string) => void) => Effect.Effect<Result>

/** Runs a seed, twice if the line asks for it. */
export function* examine(
  invocation: Invocation,
  seed: number,
  onlooker: Onlooker,
  steps: Steps = Run.steps
): Generator<Run.Progress, Result> {
  const settings = settingsOf(invocation, seed)
  if (!invocation.twice) return { outcome: yield* steps(settings, onlooker), parting: undefined }
  const echo = new Echo()
  const outcome = yield* steps(settings, {
    ...onlooker,
    happening: (happening) => {
      echo.learn(happening)
      onlooker.happening?.(happening)
    }
  })
  const again = yield* steps(settings, { happening: (happening) => echo.compare(happening) })
  const same = outcome.hash === again.hash && outcome.actions === again.actions
  return { outcome, parting: same ? undefined : echo.parting ?? `after ${again.events} events` }
}

/** Shows the nodes' logs from a level on. */
export const logOf = (level: Level, tell: (text: string) => void): Onlooker => {
  let nowMicros = 0
  const show = (node: string, of: Level, text: string) => {
    if (!shows(level, of)) return
    tell(`${(nowMicros / 1e6).toFixed(6)} s ${node} ${of.padEnd(5)} ${text}`)
  }
  return {
    // No event but `log` is told of at a level above that of a warning.
    happening: ({ atMicros, event, node }) => {
      nowMicros = atMicros
      const told = shows(level, "warn") ? describe(event) : undefined
      if (told !== undefined) show(node, told.level, told.text)
    },
    log: (node, { label }, message, cause) => {
      const parts = Arr.ensure(message).map((part) =>
        part instanceof Error ? Cause.pretty(Cause.fail(part)) : Inspectable.toStringUnknown(part)
      )
      const why = Cause.isEmpty(cause) ? [] : [Cause.pretty(cause, { renderErrorCause: true })]
      const text = [...parts, ...why].join("\n").split("\n").map((part) => printable(part, 1_024)).join(
        "\n  "
      )
      show(node, parseLevel(label) ?? "info", text)
    }
  }
}

type Message = { readonly line: string } | { readonly result: Result }

/** Most of what a world makes is gone in a moment: with room for that, a sixth less time goes into clearing up. */
const resourceLimits = { maxYoungGenerationSizeMb: 96 }

/** A thread that runs seeds for this line, one after the other. */
export const hire = (argv: ReadonlyArray<string>): Effect.Effect<Hand, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new Worker(`require(${JSON.stringify(__filename)}).work()`, {
        eval: true,
        workerData: argv,
        resourceLimits
      })
    ),
    (worker) => Effect.promise(() => worker.terminate())
  ).pipe(Effect.map((worker) => (seed, tell) =>
    Effect.async((resume) => {
      const heard = (message: Message) => {
        if ("line" in message) return tell(message.line)
        leave()
        resume(Effect.succeed(message.result))
      }
      const broke = (error: Error) => {
        leave()
        resume(Effect.die(error))
      }
      const leave = () => worker.off("message", heard).off("error", broke)
      worker.on("message", heard).on("error", broke).postMessage(seed, [])
      return Effect.sync(leave)
    })
  ))

/** What such a thread does. */
export const work = (): void => {
  const invocation = Effect.runSync(parse(workerData))
  const tell = (message: Message) => parentPort?.postMessage(message, [])
  parentPort?.on("message", (seed: number) => {
    const steps = examine(invocation, seed, logOf(invocation.logLevel, (text) => tell({ line: text })))
    for (;;) {
      const { done, value } = steps.next()
      if (done !== true) continue
      const { outcome } = value
      // Nobody asks what led to a success.
      tell({
        result: outcome.violation === undefined ? { ...value, outcome: { ...outcome, last: [] } } : value
      })
      return
    }
  })
}

/** Compares a trace with an earlier one, of which it keeps a few bytes an event. */
class Echo {
  /** The first event that was another one before. */
  parting: string | undefined
  readonly #hashes: Array<number> = []
  #at = 0

  learn(happening: Happening): void {
    this.#hashes.push(Hash.string(line(happening)))
  }

  compare(happening: Happening): void {
    const text = line(happening)
    if (Hash.string(text) !== this.#hashes[this.#at++]) {
      this.parting ??= `at event ${this.#at}: ${text.trimEnd()}`
    }
  }
}
