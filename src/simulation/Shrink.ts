/**
 * The fewest faults under which a run still fails.
 *
 * @since 0.1.0
 */
import type { Fault } from "./Fault.js"
import * as Run from "./Run.js"
import * as Simulation from "./Simulation.js"

/** How far it is: runs that were tried, and faults that are left. @since 0.1.0 */
export interface Search {
  readonly tried: number
  readonly left: number
}

/** @since 0.1.0 */
export interface Shrunk<App = never> {
  /** What repeats it: `only` holds the faults that are left. */
  readonly settings: Simulation.Settings<App>
  /** Those of the drawn faults that are left. */
  readonly faults: ReadonlyArray<Fault>
  /** Their numbers among the drawn ones, from 1. */
  readonly numbers: ReadonlyArray<number>
  /** The run under these faults. */
  readonly outcome: Run.Outcome
}

/** @since 0.1.0 */
export interface Options<App = never> {
  /** How many runs are tried at most. */
  readonly tries?: number
  /** Whether shorter times are tried, too, where no fault is left; true unless it is said. */
  readonly shorter?: boolean
  /** How a run is made. */
  readonly steps?: (settings: Simulation.Settings<App>) => Generator<unknown, Run.Outcome>
}

/** Enough for some ten faults that matter among fifty. */
const defaultTries = 200

/** Time is not tried below that. */
const leastMillis = 1_000

/**
 * Leaves out drawn faults of a failed run, halves first and then single ones, for as long as the same law is broken;
 * faults that were given stay. If none is left it tries shorter times, too: with others, a shorter time would draw
 * other faults.
 *
 * @since 0.1.0
 */
export function* shrink<App = never>(
  settings: Simulation.Settings<App>,
  outcome: Run.Outcome,
  { shorter = true, steps = Run.steps, tries = defaultTries }: Options<App> = {}
): Generator<Search, Shrunk<App>> {
  const law = outcome.violation?.law
  const drawn = Simulation.drawn(settings)
  let best: Run.Outcome = outcome
  let kept = drawn.map((_, at) => at + 1)
  let tried = 0
  const withFaults = (numbers: ReadonlyArray<number>): Simulation.Settings<App> => ({
    ...settings,
    only: drawn.filter((_, at) => numbers.includes(at + 1))
  })
  const fails = function*(candidate: Simulation.Settings<App>, left: number): Generator<Search, boolean> {
    if (law === undefined || tried >= tries) return false
    tried++
    const run = steps(candidate)
    for (;;) {
      yield { tried, left }
      const step = run.next()
      if (step.done !== true) continue
      if (step.value.violation?.law !== law) return false
      best = step.value
      return true
    }
  }

  // Often it is none of them, and never one that had not begun.
  const atMillis = (outcome.violation?.atMicros ?? 0) / 1_000
  const begun = kept.filter((number) => (drawn[number - 1]?.fromMillis ?? 0) <= atMillis)
  for (const fewer of [[], begun]) {
    if (fewer.length < kept.length && (yield* fails(withFaults(fewer), kept.length))) kept = fewer
  }
  for (let size = Math.ceil(kept.length / 2); size >= 1 && kept.length > 0;) {
    let dropped = false
    for (let from = 0; from < kept.length;) {
      const rest = kept.filter((_, at) => at < from || at >= from + size)
      if (rest.length > 0 && (yield* fails(withFaults(rest), kept.length))) {
        kept = rest
        dropped = true
      } else from += size
    }
    // Of single ones, each is tried again until none can go.
    if (size > 1) size = Math.ceil(size / 2)
    else if (!dropped || tried >= tries) break
  }
  let shortest = withFaults(kept)
  if (shorter && kept.length === 0) {
    while (shortest.forMillis / 2 >= leastMillis) {
      const half = { ...shortest, forMillis: Math.ceil(shortest.forMillis / 2) }
      if (!(yield* fails(half, 0))) break
      shortest = half
    }
  }
  return { settings: shortest, faults: shortest.only ?? [], numbers: kept, outcome: best }
}
