/**
 * A program tried in one world after the other, until one fails.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { turn } from "../internal/turns.js"
import * as Fault from "./Fault.js"
import type * as Run from "./Run.js"
import * as Shrink from "./Shrink.js"
import * as Sim from "./Sim.js"
import * as Simulation from "./Simulation.js"

type Rest<App> = Omit<
  Simulation.Settings<App>,
  "app" | "calmMillis" | "faults" | "forMillis" | "kinds" | "only" | "seed"
>

/** What the worlds are made of. Beyond these, all that {@link Simulation.Settings} has. @since 0.1.0 */
export interface Options<App = never> extends Partial<Rest<App>> {
  /** So many seeds from 1 on, or these; 10 unless it is said. */
  readonly seeds?: number | ReadonlyArray<number>
  /** Kinds of faults to be drawn from the seed, or all of them; none unless it is said. */
  readonly faults?: "all" | ReadonlyArray<Fault.Kind>
  /** Faults beside those that are drawn. */
  readonly given?: ReadonlyArray<Fault.Fault>
  /** How long faults happen; a program that is over sooner ends it. 60 seconds unless it is said. */
  readonly for?: Duration.DurationInput
  /** How long after that the program may take, and all to be connected. 120 seconds unless it is said. */
  readonly calm?: Duration.DurationInput
  /** What runs beside each node, in each of its lives. */
  readonly app?: Simulation.Settings<App>["app"]
  /** The drawn faults that are kept, by their numbers from 1: what a failure names. */
  readonly keep?: ReadonlyArray<number> | undefined
  /** How many runs may be made to find out which faults matter; 60 unless it is said. */
  readonly shrinks?: number
}

/** A world in which it failed, with as few faults as were found to do. @since 0.1.0 */
export interface Failing<App = never> {
  readonly settings: Simulation.Settings<App>
  readonly outcome: Run.Outcome
  /** The drawn faults that are left, by their numbers; nothing if all are. */
  readonly kept: ReadonlyArray<number> | undefined
  /** False if the same settings were run again and did something else: then something beside the world had a say. */
  readonly repeats: boolean
}

const defaultSeeds = 10
const defaultShrinks = 60

/**
 * The first seed that fails. Each world runs in one go; the event loop turns between them. Dies of a `RangeError` if
 * there is none to try, or if no world can be made of the options.
 *
 * @since 0.1.0
 */
export const find = <App = never>(
  options: Options<App>,
  program: Sim.Program<App>
): Effect.Effect<Option.Option<Failing<App>>> =>
  Effect.gen(function*() {
    for (const seed of seedsOf(options)) {
      const settings = settingsOf(options, seed)
      yield* turn
      const outcome = Sim.run(settings, program)
      if (outcome.violation !== undefined) {
        return Option.some(yield* fewest(settings, outcome, program, options))
      }
    }
    return Option.none()
  })

/** The settings of one world. @since 0.1.0 */
export const settingsOf = <App = never>(
  options: Options<App>,
  seed: number
): Simulation.Settings<App> => {
  const { app, calm, faults = [], for: time, given = [], keep, seeds: _, shrinks: __, ...rest } = options
  const named = [...faults === "all" ? [] : faults, ...given.map(({ kind }) => kind)]
  if (named.includes("registry") && rest.bootstrap === undefined) {
    throw new RangeError("faults \"registry\": expected bootstrap too")
  }
  const all: Simulation.Settings<App> = {
    ...Simulation.defaults,
    // An application hears its own messages alone, and its nodes are as it says.
    chatter: false,
    variety: false,
    ...rest,
    app: app ?? Simulation.defaults.app as Simulation.Settings<App>["app"],
    seed,
    kinds: faults === "all" ? every(rest.bootstrap !== undefined) : faults,
    faults: given,
    forMillis: Duration.toMillis(time ?? Simulation.defaults.forMillis),
    calmMillis: Duration.toMillis(calm ?? Simulation.defaults.calmMillis)
  }
  if (keep === undefined) return all
  const drawn = Simulation.drawn(all)
  const strange = keep.filter((number) => drawn[number - 1] === undefined)
  if (strange.length > 0) {
    throw new RangeError(
      `keep ${strange.join(",")}: seed ${seed} draws ${drawn.length} faults, numbered from 1`
    )
  }
  return { ...all, only: drawn.filter((_, at) => keep.includes(at + 1)) }
}

/** Every kind that can happen: without a registry, it cannot fail. */
const every = (hasRegistry: boolean): ReadonlyArray<Fault.Kind> =>
  (Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>).filter((kind) => hasRegistry || kind !== "registry")

const seedsOf = <App>({ seeds = defaultSeeds }: Options<App>): ReadonlyArray<number> => {
  if (typeof seeds !== "number" && seeds.length > 0) return seeds
  if (typeof seeds === "number" && Number.isInteger(seeds) && seeds > 0) {
    return Array.from({ length: seeds }, (_, at) => at + 1)
  }
  throw new RangeError(`seeds ${JSON.stringify(seeds)}: expected how many, 1 or more, or a list of them`)
}

const fewest = <App>(
  settings: Simulation.Settings<App>,
  outcome: Run.Outcome,
  program: Sim.Program<App>,
  { keep, shrinks: tries = defaultShrinks }: Options<App>
): Effect.Effect<Failing<App>> =>
  Effect.gen(function*() {
    const before = keep?.toSorted((a, b) => a - b)
    const again = Sim.run(settings, program)
    if (again.hash !== outcome.hash || again.violation?.text !== outcome.violation?.text) {
      return { settings, outcome, kept: before, repeats: false }
    }
    const steps = (candidate: Simulation.Settings<App>) => Sim.steps(candidate, program)
    // The program goes by that time: in another one it may fail for another reason.
    const search = Shrink.shrink(settings, outcome, { shorter: false, steps, tries })
    let tried = 0
    for (;;) {
      const step = search.next()
      if (step.done === true) {
        const { numbers, outcome, settings: smallest } = step.value
        const isAll = numbers.length === Simulation.drawn(settings).length
        // Of those that were kept already, the numbers among all that are drawn.
        const left = before === undefined ? numbers : before.filter((_, at) => numbers.includes(at + 1))
        return { settings: smallest, outcome, kept: isAll ? before : left, repeats: true }
      }
      // Not within a run: what the program may wait for outside the world must not come now and then.
      if (step.value.tried === tried) continue
      tried = step.value.tried
      yield* turn
    }
  })
