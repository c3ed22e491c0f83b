/** From the words of a line to the settings of a run, with everything that is wrong at once. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Limits from "../domain/Limits.js"
import * as BootstrapConfig from "../services/BootstrapConfig.js"
import type * as DiscoveryConfig from "../services/DiscoveryConfig.js"
import * as NodeConfig from "../services/NodeConfig.js"
import { type Complete, read, type Reading, UsageError } from "./commandLine.js"
import { decoders } from "./decoders.js"
import type { Level } from "./level.js"
import { options, type ValueName } from "./options.js"
import type { DefaultedName } from "./table.js"

/** Everything that `vix p2p` was told. */
export interface Invocation {
  readonly node: NodeConfig.Settings
  readonly discovery: DiscoveryConfig.Settings & { readonly enabled: boolean }
  readonly bootstrap: Omit<BootstrapConfig.Settings, "url"> & {
    readonly enabled: boolean
    /** Without a slash at its end. */
    readonly registry: Option.Option<string>
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

/** Parses what follows `vix p2p`. */
export const parse = (argv: ReadonlyArray<string>): Effect.Effect<Invocation, UsageError> =>
  Effect.gen(function*() {
    const reading = yield* read(options, decoders, argv)
    const { given, values } = reading
    const problems = [...reading.problems, ...across(reading)]
    if (problems.length > 0) {
      return yield* new UsageError({ problems, events: values.events ?? "off", node: values.id })
    }
    return invocation(values as CompleteValues, given)
  })

/** The limits of a node with so many peers. */
export const limitsFor = (peers: number): Limits.Limits => {
  // The part kept for outbound and pinned peers stays as large a part of a small table as of the usual one.
  const { peers: usualPeers, peersReserved: usualReserved } = Limits.defaults
  const peersReserved = Math.min(usualReserved, Math.floor(peers * usualReserved / usualPeers))
  return { ...Limits.defaults, peers, peersReserved }
}

type Line = Reading<typeof options, typeof decoders>
type CompleteValues = Complete<
  typeof options,
  typeof decoders,
  DefaultedName<typeof options> | "id" | "listen"
>

/** What is wrong with options that are right each by itself. */
const across = ({ given, values }: Line): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (!given.has("id") || !given.has("listen")) {
    problems.push("missing required options: --id and/or --listen")
  }
  if (values.bootstrap === true && !given.has("registry")) {
    problems.push("--bootstrap \"on\": expected --registry too, such as --registry http://127.0.0.1:8080")
  }
  return problems
}

const invocation = (values: CompleteValues, given: Line["given"]): Invocation => {
  const advertise = Option.fromNullable(values.advertise)
  const connect = new Map(values.connect.map((endpoint) => [endpoint.toString(), endpoint]))
  return {
    node: NodeConfig.make({
      id: values.id,
      port: values.listen,
      host: Option.fromNullable(values.bind),
      connect: [...connect.values()],
      connectDelayMillis: values["connect-delay"],
      dialling: !given.has("no-connect"),
      limits: limitsFor(values["max-peers"])
    }),
    discovery: {
      enabled: values.discovery,
      port: values["disc-port"],
      mode: values["disc-mode"],
      intervalMillis: values["disc-interval"],
      interfaces: selection(values.iface),
      advertise
    },
    bootstrap: {
      ...BootstrapConfig.defaults,
      enabled: values.bootstrap,
      registry: Option.fromNullable(values.registry),
      intervalMillis: values["boot-interval"],
      announce: values.announce,
      advertise
    },
    runMillis: values.run,
    waitPeers: Option.fromNullable(values["wait-peers"]),
    waitMillis: values["wait-timeout"],
    readyFile: Option.fromNullable(values["ready-file"]),
    statsMillis: values["stats-every"],
    tui: Option.fromNullable(values.tui),
    quiet: given.has("quiet"),
    events: values.events,
    logLevel: Option.fromNullable(values["log-level"]),
    notices: unused(values, given)
  }
}

/** A notice for each option that does nothing beside the others. */
const unused = (
  { announce, bootstrap, discovery }: CompleteValues,
  given: Line["given"]
): ReadonlyArray<string> => {
  const connect = given.has("connect")
  const rows: ReadonlyArray<readonly [used: boolean, why: string, ...names: ReadonlyArray<ValueName>]> = [
    [connect, "without --connect", "connect-delay"],
    [!connect || !given.has("no-connect"), "with --no-connect", "connect-delay"],
    [given.has("wait-peers"), "without --wait-peers", "wait-timeout"],
    [discovery, "with --discovery off", "disc-port", "disc-mode", "disc-interval", "iface"],
    [bootstrap, "without --bootstrap on", "registry", "boot-interval", "announce"],
    [discovery || (bootstrap && announce), "without --discovery on or a registry to announce to", "advertise"]
  ]
  return rows.flatMap(([used, why, ...names]) =>
    used ? [] : names.filter((name) => given.has(name)).map((name) => `--${name}: not used ${why}`)
  )
}

/** `!name` leaves an interface out. */
const selection = (names: ReadonlyArray<string>): DiscoveryConfig.Settings["interfaces"] => ({
  include: names.filter((name) => !name.startsWith("!")),
  exclude: names.filter((name) => name.startsWith("!")).map((name) => name.slice(1))
})
