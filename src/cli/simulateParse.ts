/** From the words of a line to a simulation, with everything that is wrong at once. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Limits } from "../domain/Limits.js"
import * as BootstrapConfig from "../services/BootstrapConfig.js"
import * as DiscoveryConfig from "../services/DiscoveryConfig.js"
import * as Fault from "../simulation/Fault.js"
import { mostSeed } from "../simulation/Settings.js"
import { type Complete, read, type Reading, UsageError } from "./commandLine.js"
import { type Decoder, decoders as node, integer, level, oneOf } from "./decoders.js"
import type { Level } from "./level.js"
import { didYouMean } from "./nearest.js"
import { limitsFor } from "./parse.js"
import { quoted } from "./prepare.js"
import { numbered } from "./simulateFaults.js"
import { options } from "./simulateOptions.js"
import type { DefaultedName } from "./table.js"

/** From and to, in milliseconds of the world. */
export type Span = readonly [fromMillis: number, toMillis: number]

/** Everything that `vix simulate` was told. */
export interface Invocation {
  readonly nodes: number
  readonly forMillis: number
  readonly calmMillis: number
  /** None: any. */
  readonly seed: Option.Option<number>
  readonly order: "seeded" | "fifo"
  readonly limits: Limits
  readonly kinds: ReadonlyArray<Fault.Kind>
  /** A fraction. */
  readonly loss: number
  readonly delayMillis: number
  readonly partitions: ReadonlyArray<Span>
  readonly crashes: number
  /** Of the faults, those with these numbers; none: all. */
  readonly keep: Option.Option<ReadonlyArray<number>>
  readonly seeds: number
  /** None: as many as there are cores. */
  readonly jobs: Option.Option<number>
  readonly twice: boolean
  readonly quiet: boolean
  readonly events: "off" | "ndjson"
  readonly timeline: Option.Option<string>
  readonly logLevel: Level
  readonly discovery: DiscoveryConfig.Settings | undefined
  readonly bootstrap: Omit<BootstrapConfig.Settings, "url"> | undefined
}

/** Parses what follows `vix simulate`. */
export const parse = (argv: ReadonlyArray<string>): Effect.Effect<Invocation, UsageError> =>
  Effect.flatMap(read(options, decoders, argv), (reading) => {
    const { given, problems, values } = reading
    const found = [...problems, ...across(reading)]
    const events = values.events ?? "off"
    if (found.length > 0) return new UsageError({ problems: found, events })
    const parsed = invocation(values as Values, given)
    const wrong = unknownNumbers(parsed)
    return wrong === undefined ? Effect.succeed(parsed) : new UsageError({ problems: [wrong], events })
  })

type Line = Reading<typeof options, typeof decoders>
type ValueName = keyof typeof decoders
type Values = Complete<typeof options, typeof decoders, DefaultedName<typeof options>>

/** What is wrong with options that are right each by itself. */
const across = ({ given, values }: Line): ReadonlyArray<string> => {
  const { announce, bootstrap, discovery, faults = [], nodes, seed = 0, seeds = 1 } = values
  const forMillis = values.for ?? Infinity
  const problems: Array<string> = []
  const expect = (what: string, holds: (text: string) => boolean, ...names: ReadonlyArray<ValueName>) => {
    for (const name of names) {
      for (const text of given.get(name) ?? []) {
        if (!holds(text)) problems.push(`--${name} ${quoted(text)}: expected ${what}`)
      }
    }
  }
  expect("to end within the time of --for", (text) => endOf(text) <= forMillis, "partition")
  expect("--nodes 2 at least", () => nodes !== 1, "partition")
  expect(`seeds up to ${mostSeed}, from --seed on`, () => seed + seeds - 1 <= mostSeed, "seeds")
  expect("one seed, without --seeds", () => seeds === 1, "keep", "timeline")
  expect("--seed too, from which the faults are drawn", () => given.has("seed"), "keep")
  if (discovery === false) {
    expect("--bootstrap on, or nobody finds anybody", () => bootstrap !== false, "discovery")
    expect("--discovery on, or nobody finds anybody", () => announce !== false, "announce")
    expect("--discovery on", () => false, "disc-port", "disc-mode", "disc-interval")
  }
  if (bootstrap === false) {
    const all = faults.length === kindNames.length
    expect("--bootstrap on too, for registry", () => all || !faults.includes("registry"), "faults")
    expect("--bootstrap on too", () => false, "boot-interval", "announce")
  }
  return problems
}

const unknownNumbers = (parsed: Invocation): string | undefined => {
  if (Option.isNone(parsed.keep)) return undefined
  const seed = Option.getOrElse(parsed.seed, () => 0)
  const { length } = numbered({ ...parsed, keep: Option.none() }, seed)
  const strange = parsed.keep.value.filter((number) => number > length)
  return strange.length === 0
    ? undefined
    : `--keep "${strange.join(",")}": expected ${
      length === 0
        ? "faults, such as --faults all"
        : `numbers from 1 to ${length}, the faults of seed ${seed}`
    }`
}

const invocation = (values: Values, given: Line["given"]): Invocation => ({
  nodes: values.nodes,
  forMillis: values.for,
  calmMillis: values.calm,
  seed: Option.fromNullable(values.seed),
  order: values.order,
  limits: limitsFor(values["max-peers"]),
  kinds: values.bootstrap ? values.faults : values.faults.filter((kind) => kind !== "registry"),
  loss: values.loss,
  delayMillis: values.delay,
  partitions: values.partition,
  crashes: values.crash,
  keep: Option.fromNullable(values.keep),
  seeds: values.seeds,
  jobs: Option.fromNullable(values.jobs),
  twice: given.has("twice"),
  quiet: given.has("quiet"),
  events: values.events,
  timeline: Option.fromNullable(values.timeline),
  logLevel: values["log-level"],
  discovery: values.discovery
    ? DiscoveryConfig.make({
      port: values["disc-port"],
      mode: values["disc-mode"],
      intervalMillis: values["disc-interval"]
    })
    : undefined,
  bootstrap: values.bootstrap
    ? { ...BootstrapConfig.defaults, intervalMillis: values["boot-interval"], announce: values.announce }
    : undefined
})

const units: Readonly<Record<string, number>> = { ms: 1, "": 1_000, s: 1_000, m: 60_000, h: 3_600_000 }

// A month of the world.
const mostMillis = 30 * 24 * 3_600_000

const millisOf = (text: string): number | undefined => {
  const { amount = "", unit = "" } =
    /^(?<amount>\d{1,12}(\.\d{1,6})?)(?<unit>ms|s|m|h)?$/.exec(text)?.groups ?? {}
  const value = Math.round(Number(amount) * (units[unit] ?? 0))
  return amount === "" || value > mostMillis ? undefined : value
}

const time = (least: string): Decoder<number> => (text) => {
  const value = millisOf(text)
  return value === undefined || value < (millisOf(least) ?? 0)
    ? Either.left(`expected a time from ${least} to 720h, such as 500ms, 60s, 10m or 1h`)
    : Either.right(value)
}

const span: Decoder<Span> = (text) => {
  const [from, to, ...more] = text.split("..").map(millisOf)
  return from === undefined || to === undefined || from >= to || more.length > 0
    ? Either.left("expected two times, the earlier first, such as 60s..120s")
    : Either.right([from, to])
}

const endOf = (text: string): number => Either.getOrElse(span(text), () => [0, 0])[1]

const part: Decoder<number> = (text) => {
  const value = /^\d{1,3}(\.\d{1,6})?%$/.test(text)
    ? Number(text.slice(0, -1)) / 100
    : /^[01](\.\d{1,8})?$/.test(text)
    ? Number(text)
    : Number.NaN
  return value >= 0 && value <= 1 ? Either.right(value) : Either.left("expected a part such as 5% or 0.05")
}

const kindNames = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>

const kinds: Decoder<ReadonlyArray<Fault.Kind>> = (text) => {
  if (text === "all") return Either.right(kindNames)
  if (text === "none") return Either.right([])
  const words = text.split(",")
  const strange = words.find((word) => !kindNames.some((kind) => kind === word))
  if (strange === undefined) return Either.right(kindNames.filter((kind) => words.includes(kind)))
  const question = didYouMean(strange, words.length > 1 ? kindNames : ["all", "none", ...kindNames])
  return Either.left(
    `expected all, none, or kinds of faults with commas between them${
      question || `: ${kindNames.join(", ")}`
    }`
  )
}

const numbers: Decoder<ReadonlyArray<number>> = (text) =>
  /^[1-9]\d{0,6}(,[1-9]\d{0,6})*$/.test(text)
    ? Either.right([...new Set(text.split(",").map(Number))].sort((a, b) => a - b))
    : Either.left("expected numbers from 1 on with commas between them, such as 2,5")

const decoders = {
  nodes: integer(1, 1_000),
  for: time("1ms"),
  // Connected means that it stays so for some seconds.
  calm: time("5s"),
  seed: integer(0, mostSeed),
  order: oneOf("seeded", "fifo"),
  "max-peers": node["max-peers"],
  faults: kinds,
  loss: part,
  delay: integer(0, 60_000, "milliseconds, a whole number"),
  partition: span,
  crash: integer(0, 1_000),
  keep: numbers,
  seeds: integer(1, 1_000_000),
  jobs: integer(1, 1_024),
  events: node.events,
  timeline: node["ready-file"],
  "log-level": level,
  discovery: node.discovery,
  "disc-port": node["disc-port"],
  "disc-mode": node["disc-mode"],
  "disc-interval": node["disc-interval"],
  bootstrap: node.bootstrap,
  "boot-interval": node["boot-interval"],
  announce: node.announce
}
