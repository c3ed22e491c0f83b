/** A simulation in words. */
import { names as counterNames } from "../domain/Counters.js"
import * as Fault from "../simulation/Fault.js"
import * as Laws from "../simulation/Laws.js"
import type { Outcome, Progress } from "../simulation/Run.js"
import type { Invocation } from "./simulateParse.js"
import { type Tally, verdictOf } from "./simulateTally.js"
import type { Result } from "./simulateWork.js"
import { printable } from "./text.js"

/** Where one seed stands, in one line. */
export const progressLine = ({ phase, simulation }: Progress, realMillis: number): string => {
  const { checks, faultline, nowMillis, pairs, settings } = simulation
  const faults = [...new Set(Array.from(faultline.active, ({ kind }) => kind))]
  const time = phase === "faults"
    ? `${seconds(nowMillis)} of ${seconds(settings.forMillis)}`
    : `${phase === "end" ? "end" : "calm"} ${seconds(nowMillis - settings.forMillis)}`
  return [
    `[vix simulate] ${time}${faster(nowMillis, realMillis)}`,
    `pairs ${pairs.connected}/${pairs.possible}`,
    `faults ${faults.length === 0 ? "none" : faults.join(",")}`,
    `laws checked ${count(checks)}`
  ].join("  ")
}

/** Where many seeds stand. */
export const seedsLine = (tally: Tally, seeds: number, realMillis: number): string =>
  [
    `[vix simulate] seeds ${tally.done}/${seeds}${faster(tally.worldMillis, realMillis)}`,
    `failed ${tally.failed.length}`,
    `events ${count(tally.events)}`,
    `laws checked ${count(tally.checks)}`
  ].join("  ")

/** Where the search for fewer faults stands. */
export const searchLine = ({ left, tried }: { readonly left: number; readonly tried: number }): string =>
  `[vix simulate] looking for fewer faults: ${plural(left, "fault")} left, ${plural(tried, "run")} tried`

/** The nodes of one seed, a row each. */
export const nodesTable = ({ nodes }: Outcome): string => {
  const head = [
    "node",
    "lives",
    ...counterNames.map((name) => name.replace(/^[a-z]+_(?!endpoints)|_endpoints/, ""))
  ]
  const rows = nodes.slice(0, mostRows).map(({ counters, lives, name }) =>
    [name, `${lives}`].concat(counterNames.map((counter) => `${counters[counter]}`))
  )
  const left = nodes.length - rows.length
  return table([head, ...rows]) + (left > 0 ? `and ${left} more\n` : "")
}

/** What came of all seeds, in a few rows. */
export const summary = (
  { nodes, forMillis, seeds }: Invocation,
  firstSeed: number,
  tally: Tally,
  realMillis: number
): string => {
  const faults = kinds.flatMap((kind) => {
    const times = tally.begun.get(kind)
    return times === undefined ? [] : [`${kind} ${count(times)}`]
  })
  const failed = tally.failed.slice(0, mostRows).join(", ")
  const more = tally.failed.length > mostRows ? " and more" : ""
  return [
    row("world", `${plural(nodes, "node")}, ${seconds(forMillis)} with faults, then calm`),
    seeds === 1
      ? row("seed", `${firstSeed}`)
      : row(
        "seeds",
        `${firstSeed} to ${firstSeed + seeds - 1}: ${count(tally.passed)} passed, ${
          tally.failed.length === 0 ? "none failed" : `${count(tally.failed.length)} failed: ${failed}${more}`
        }`
      ),
    ...tally.done === 0 ? [] : [
      row(
        "time",
        `${seconds(tally.worldMillis)} of the world in ${seconds(realMillis)}${
          faster(tally.worldMillis, realMillis)
        }`
      ),
      row("events", `${count(tally.events)}, and ${count(tally.actions)} actions`),
      row("laws", `${Object.keys(Laws.laws).length}, checked ${count(tally.checks)} times`),
      row("faults", faults.length === 0 ? "none" : faults.join(", ")),
      row("mishaps", count(tally.mishaps)),
      ...tally.exitCode === 0
        ? [
          row(
            "healed",
            `all that may talk connected ${seconds(tally.healedMillis)} after the faults${
              seeds > 1 ? ", at most" : ""
            }`
          )
        ]
        : [],
      row("trace", `sha256 ${tally.hash}${tally.done > 1 ? ", of all traces' hashes" : ""}`)
    ]
  ].join("")
}

/** What is known of a run that was stopped. */
export const untilNow = ({ simulation: { checks, nowMillis, trace, violation } }: Progress): string =>
  row(
    "so far",
    `${seconds(nowMillis)} of the world, ${count(trace.length)} events, laws checked ${count(checks)} times${
      violation === undefined ? ", none broken" : ""
    }`
  )

/** The summary of `--quiet`. */
export const quietLine = (firstSeed: number, tally: Tally): string =>
  `seed=${firstSeed} passed=${tally.passed} failed=${tally.failed.length} events=${tally.events} actions=${tally.actions} checks=${tally.checks} world_millis=${
    Math.round(tally.worldMillis)
  } trace=${tally.hash}\n`

/** A seed that failed, in one line. */
export const failedLine = (result: Result): string => {
  const { outcome: { seed, violation }, parting } = result
  return violation === undefined
    ? `seed ${seed}: two runs parted ${parting ?? ""}`
    : `seed ${seed}: ${violation.law} at ${seconds(violation.atMicros / 1_000)}: ${
      printable(violation.text.split("\n")[0] ?? "", 1_024)
    }`
}

/** What became of a seed, for programs. */
export const resultObject = (result: Result, command: string) => {
  const { outcome, parting } = result
  const { begun, last: _, mishaps, verdict: __, ...rest } = outcome
  return {
    ev: "simulation",
    verdict: verdictOf(result),
    ...rest,
    begun: Object.fromEntries(begun),
    mishaps: Object.fromEntries(mishaps),
    ...parting === undefined ? {} : { parting },
    command
  }
}

export const plural = (number: number, noun: string): string =>
  `${count(number)} ${noun}${number === 1 ? "" : "s"}`

const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>

const mostRows = 50

const row = (name: string, text: string): string => `${name.padEnd(9)}${text}\n`

/** Columns of one width; the first stands left. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0))) ?? []
  return rows.map((cells) =>
    `${
      cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  ")
    }\n`
  ).join("")
}

const count = (number: number): string => number.toLocaleString("en-US")

const seconds = (millis: number): string => `${count(Math.round(millis / 100) / 10)} s`

const faster = (worldMillis: number, realMillis: number): string =>
  realMillis > 0 ? ` (${count(Math.round(worldMillis / realMillis))} x)` : ""
