/** What the samples say: medians, how far they spread, and how each contender compares with the first. */
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
  /** Median of the ratios to the first contender, each within a round: what loads the machine loads both. */
  readonly ratio: number
  /** CPU time of both ends for one operation, in microseconds. */
  readonly cpuMicros: number | null
}

export const rows = (
  scenario: Scenario,
  samples: ReadonlyMap<string, ReadonlyArray<Sample>>
): ReadonlyArray<Row> => {
  const base = samples.get(scenario.contenders[0] ?? "") ?? []
  return scenario.contenders.map((contender) => {
    const own = samples.get(contender) ?? []
    const values = own.map(({ value }) => value)
    const middle = median(values)
    const cpu = own.flatMap(({ cpuMicros }) => cpuMicros ?? [])
    return {
      scenario: scenario.name,
      title: scenario.title,
      unit: scenario.unit,
      contender,
      samples: own,
      median: middle,
      spread: Math.max(...values.map((value) => Math.abs(value - middle))) / middle,
      ratio: median(values.map((value, round) => value / (base[round]?.value ?? Number.NaN))),
      cpuMicros: cpu.length === 0 ? null : median(cpu)
    }
  })
}

export const table = (all: ReadonlyArray<Row>): string => {
  const cells = [
    ["scenario", "contender", "median", "", "spread", "ratio", "CPU us"],
    ...all.map(({ contender, cpuMicros, median, ratio, scenario, spread, unit }) => [
      scenario,
      contender,
      digits(median),
      unit,
      `${(100 * spread).toFixed(0)} %`,
      ratio.toFixed(3),
      cpuMicros === null ? "" : digits(cpuMicros)
    ])
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) =>
      [0, 1, 3].includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
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
