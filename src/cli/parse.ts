/** From the words of a line to the settings of a run, with everything that is wrong at once. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Options from "@effect/cli/Options"
import type { ValidationError } from "@effect/cli/ValidationError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Limits from "../domain/Limits.js"
import * as NodeConfig from "../services/NodeConfig.js"
import { type Decoded, decoders } from "./decoders.js"
import type { Level } from "./level.js"
import { type DefaultedName, type Name, names, option, type SwitchName, type ValueName } from "./options.js"
import { prepare, quoted, unquote } from "./prepare.js"

/** Everything that `vix p2p` was told. */
export interface Invocation {
  readonly node: NodeConfig.Settings
  readonly discovery: {
    readonly enabled: boolean
    readonly port: number
    readonly mode: "broadcast" | "multicast"
    readonly intervalMillis: number
  }
  readonly bootstrap: {
    readonly enabled: boolean
    /** Without a slash at its end. */
    readonly registry: Option.Option<string>
    readonly intervalMillis: number
    readonly announce: boolean
  }
  /** 0 for no limit. */
  readonly runMillis: number
  readonly waitPeers: Option.Option<number>
  readonly waitMillis: number
  readonly readyFile: Option.Option<string>
  readonly statsMillis: number
  /** None: on where it can be. */
  readonly tui: Option.Option<boolean>
  readonly quiet: boolean
  readonly events: "off" | "ndjson"
  readonly logLevel: Option.Option<Level>
  /** What the user is told before the node starts. */
  readonly notices: ReadonlyArray<string>
}

/** A line that cannot be run. `problems` has one line for each mistake. */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly problems: ReadonlyArray<string>
  /** Whether the line asks for machine-readable output, and for which node. */
  readonly events: "off" | "ndjson"
  readonly node: string
}> {
  override get message(): string {
    return this.problems.join("\n")
  }
}

/** Parses what follows `vix p2p`. */
export const parse = (argv: ReadonlyArray<string>): Effect.Effect<Invocation, UsageError> =>
  Effect.gen(function*() {
    const { args, problems: first } = prepare(argv)
    const given = yield* match(args)
    const { problems: second, values } = decode(given)
    const problems = [...first, ...second, ...across(values, given)]
    if (problems.length > 0) {
      return yield* new UsageError({ problems, events: values.events ?? "off", node: values.id ?? "" })
    }
    return invocation(values as Complete, given)
  })

type Given = Readonly<Record<string, ReadonlyArray<string> | boolean>>
type Values = { [N in Exclude<ValueName, "connect">]: Decoded<N> | undefined } & {
  connect: ReadonlyArray<Decoded<"connect">>
}
type Complete = Values & { [N in DefaultedName | "id" | "listen"]: Decoded<N> }

const isSwitch = (name: Name): name is SwitchName => option(name).value === undefined

const syntax = Options.all(
  Object.fromEntries(
    names.map((
      name
    ): [string, Options.Options<ReadonlyArray<string> | boolean>] => [
      name,
      isSwitch(name) ? Options.boolean(name) : Options.repeated(Options.text(name))
    ])
  )
)

/** Collects the values of each option. What was prepared always matches, and text and switches need no service. */
const match = (args: ReadonlyArray<string>): Effect.Effect<Given> =>
  (Options.processCommandLine(syntax, args, CliConfig.make({ isCaseSensitive: true })) as Effect.Effect<
    [Option.Option<ValidationError>, Array<string>, Given],
    ValidationError
  >).pipe(Effect.map(([, , given]) => given), Effect.orDie)

const decode = (given: Given): { readonly values: Values; readonly problems: ReadonlyArray<string> } => {
  const problems: Array<string> = []
  const values: Record<string, unknown> = { connect: [] }
  for (const name of names) {
    if (isSwitch(name)) continue
    const texts = textsOf(given, name)
    const decoded = (texts.length === 0 ? defaultOf(name) : texts).flatMap((text) => {
      const result: Either.Either<unknown, string> = decoders[name](text)
      if (Either.isRight(result)) return [result.right]
      problems.push(`--${name} ${quoted(text)}: ${result.left}`)
      return []
    })
    values[name] = name === "connect" ? decoded : decoded[0]
  }
  return { problems, values: values as Values }
}

const textsOf = (given: Given, name: Name): ReadonlyArray<string> => {
  const texts = given[name]
  return Array.isArray(texts) ? texts.map(unquote) : []
}

const defaultOf = (name: Name): ReadonlyArray<string> => {
  const text = option(name).default
  return text === undefined ? [] : [text]
}

/** What is wrong with options that are right each by itself. */
const across = (values: Values, given: Given): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (textsOf(given, "id").length === 0 || textsOf(given, "listen").length === 0) {
    problems.push("missing required options: --id and/or --listen")
  }
  if (values.bootstrap === true && textsOf(given, "registry").length === 0) {
    problems.push("--bootstrap \"on\": expected --registry too, such as --registry http://127.0.0.1:8080")
  }
  return problems
}

const invocation = (values: Complete, given: Given): Invocation => {
  const peers = values["max-peers"]
  // The part kept for outbound and pinned peers stays as large a part of a small table as of the usual one.
  const { peers: usualPeers, peersReserved: usualReserved } = Limits.defaults
  const peersReserved = Math.min(usualReserved, Math.floor(peers * usualReserved / usualPeers))
  const connect = new Map(values.connect.map((endpoint) => [endpoint.toString(), endpoint]))
  return {
    node: NodeConfig.make({
      id: values.id,
      port: values.listen,
      host: Option.fromNullable(values.bind),
      connect: [...connect.values()],
      connectDelayMillis: values["connect-delay"],
      dialling: given["no-connect"] !== true,
      limits: { ...Limits.defaults, peers, peersReserved }
    }),
    discovery: {
      enabled: values.discovery,
      port: values["disc-port"],
      mode: values["disc-mode"],
      intervalMillis: values["disc-interval"]
    },
    bootstrap: {
      enabled: values.bootstrap,
      registry: Option.fromNullable(values.registry),
      intervalMillis: values["boot-interval"],
      announce: values.announce
    },
    runMillis: values.run,
    waitPeers: Option.fromNullable(values["wait-peers"]),
    waitMillis: values["wait-timeout"],
    readyFile: Option.fromNullable(values["ready-file"]),
    statsMillis: values["stats-every"],
    tui: Option.fromNullable(values.tui),
    quiet: given["quiet"] === true,
    events: values.events,
    logLevel: Option.fromNullable(values["log-level"]),
    notices: (["discovery", "bootstrap"] as const)
      .filter((name) => values[name] && textsOf(given, name).length > 0)
      .map((name) => `--${name} on: not in this version yet; peers are met through --connect`)
  }
}
