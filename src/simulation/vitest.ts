/**
 * Simulated worlds as tests of `@effect/vitest`.
 *
 * @since 0.1.0
 */
import { it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Failure from "./Failure.js"
import type * as Sim from "./Sim.js"
import * as Trials from "./Trials.js"

/** @since 0.1.0 */
export interface Options<App = never> extends Trials.Options<App> {
  /** How long the test may take in the real world, all seeds together; 5 minutes unless it is said. */
  readonly timeout?: Duration.DurationInput
}

/**
 * A test that runs a program in one simulated world after the other. It fails with the first world in which a law is
 * broken or the program fails, and says how to run that world alone: `VIX_SEED` chooses it.
 *
 * @since 0.1.0
 */
export const itSim = <App = never>(
  name: string,
  { timeout = "5 minutes", ...options }: Options<App>,
  program: Sim.Program<App>
): void => it.live(name, ({ task }) => check(options, program, task), Duration.toMillis(timeout))

/**
 * What such a test does: defects with all that is to be said of the first world that fails. `VIX_SEED` and
 * `VIX_KEEP` of the configuration narrow it down to one.
 *
 * @since 0.1.0
 */
export const check = <App = never>(
  options: Trials.Options<App>,
  program: Sim.Program<App>,
  task: Task
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const failing = yield* Trials.find({ ...options, ...yield* wish }, program)
    if (Option.isNone(failing)) return
    return yield* Effect.die(new SimulationFailed(textOf(failing.value, task)))
  })

/** What vitest knows of a test. @since 0.1.0 */
export interface Task {
  readonly name: string
  readonly suite?: Task | undefined
  readonly file: { readonly name: string }
}

/** The command that runs a world alone, for a shell. @since 0.1.0 */
export const commandOf = <App>({ kept, settings }: Trials.Failing<App>, task: Task): string => {
  const words = [`VIX_SEED=${settings.seed}`]
  if (kept !== undefined) words.push(`VIX_KEEP=${kept.length === 0 ? "none" : kept.join(",")}`)
  return [...words, "npx vitest run", quoted(task.file.name), "-t", quoted(pattern(task))].join(" ")
}

/** A failure that says all that is to be said; where it was thrown says nothing. */
class SimulationFailed extends Error {
  override readonly name = "SimulationFailed"

  constructor(message: string) {
    super(message)
    this.stack = `${this.name}: ${message}`
  }
}

const textOf = <App>(failing: Trials.Failing<App>, task: Task): string => {
  const report = Failure.report(failing.outcome, commandOf(failing, task))
  return failing.repeats ? report : [
    report,
    "",
    "The same seed did something else when it was run again: something beside the world has a say in the program",
    "or in the application: the real clock, real chance, a promise, or the order of a HashMap or a HashSet."
  ].join("\n")
}

const wish = Effect.gen(function*() {
  const seed = yield* Config.option(Config.integer("VIX_SEED"))
  const keep = yield* Config.option(Config.orElse(
    Config.map(Config.literal("none")("VIX_KEEP"), (): ReadonlyArray<number> => []),
    () => Config.array(Config.integer(), "VIX_KEEP")
  ))
  if (Option.isSome(keep) && Option.isNone(seed)) {
    return yield* Effect.dieMessage("VIX_KEEP: expected VIX_SEED too, from which the faults are drawn")
  }
  return {
    ...Option.isSome(seed) ? { seeds: [seed.value] } : {},
    ...Option.isSome(keep) ? { keep: keep.value } : {}
  }
}).pipe(Effect.orDie)

/** The whole name of a test as a regular expression, as `-t` takes it. */
const pattern = (task: Task): string => {
  const names = []
  for (let at: Task | undefined = task; at !== undefined; at = at.suite) names.unshift(at.name)
  return `^${names.join(" ").replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`
}

/** One word for a shell. */
const quoted = (word: string): string =>
  /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
