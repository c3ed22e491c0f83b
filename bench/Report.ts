/** What the samples say: medians, how far they spread, and how we compare with each contender. */
import * as Os from "node:os"
import type { Sample } from "./Load.js"
import type { Scenario } from "./Scenario.js"

/** The samples of one contender in one scenario, one a round. */
export interface Row {
  readonly scenario: string
  readonly title: string
  readonly unit: string
  readonly contender: string
  readonly samples: ReadonlyArray<Sample>
  readonly median: number
  /** Greatest distance from the median, as a fraction of it. */
  readonly spread: number
  /** Median of our value as a multiple of this contender's, each within a round: what loads the machine loads both. */
  readonly ratio: number
  /** CPU time of both ends for one operation, in microseconds. */
  readonly cpuMicros: number | null
  /** Microseconds; medians of those of the samples. */
  readonly percentiles: { readonly p50: number; readonly p99: number } | null
}

const ours = "vix"

export const rows = (
  scenario: Scenario,
  samples: ReadonlyMap<string, ReadonlyArray<Sample>>
): ReadonlyArray<Row> => {
  const own = samples.get(ours) ?? []
  return scenario.contenders.filter((contender) => samples.has(contender)).map((contender) => {
    const its = samples.get(contender) ?? []
    const values = its.map(({ value }) => value)
    const middle = median(values)
    const cpu = its.flatMap(({ cpuMicros }) => cpuMicros ?? [])
    const times = its.flatMap(({ percentiles }) => percentiles ?? [])
    return {
      scenario: scenario.name,
      title: scenario.title,
      unit: scenario.unit,
      contender,
      samples: its,
      median: middle,
      spread: Math.max(...values.map((value) => Math.abs(value - middle))) / middle,
      ratio: median(values.map((value, round) => (own[round]?.value ?? Number.NaN) / value)),
      cpuMicros: cpu.length === 0 ? null : median(cpu),
      percentiles: times.length === 0
        ? null
        : { p50: median(times.map(({ p50 }) => p50)), p99: median(times.map(({ p99 }) => p99)) }
    }
  })
}

const columns = [
  "scenario",
  "contender",
  "runs",
  "median",
  "",
  "spread",
  "p50 us",
  "p99 us",
  "CPU us",
  `${ours} / it`
]
/** Those of words; the others are numbers. */
const wordy = new Set([0, 1, 4])

export const table = (all: ReadonlyArray<Row>): string => {
  const cells = [
    columns,
    ...all.map(({ contender, cpuMicros, median, percentiles, ratio, samples, scenario, spread, unit }) => [
      scenario,
      contender,
      String(samples.length),
      digits(median),
      unit,
      samples.length < 2 ? "" : `${(100 * spread).toFixed(0)} %`,
      percentiles === null ? "" : digits(percentiles.p50),
      percentiles === null ? "" : digits(percentiles.p99),
      cpuMicros === null ? "" : digits(cpuMicros),
      contender === ours ? "" : digits(ratio)
    ])
  ]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) =>
      wordy.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
    )
      .join("  ").trimEnd()
  return cells.map(line).join("\n")
}

/** What the numbers were taken on. */
export const machine = () => ({
  cpu: Os.cpus()[0]?.model ?? "unknown",
  cores: Os.availableParallelism(),
  system: `${Os.type()} ${Os.release()}`,
  node: process.version,
  openssl: process.versions.openssl,
  load: Os.loadavg()[0] ?? 0
})

const digits = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3)

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2
}
