/** From the words of a line to the settings of a registry, with everything that is wrong at once. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Endpoint from "../domain/Endpoint.js"
import * as RegistryLimits from "../domain/RegistryLimits.js"
import { type Complete, read, UsageError } from "./commandLine.js"
import { address, type Decoder, integer, level, oneOf, port, seconds } from "./decoders.js"
import type { Level } from "./level.js"
import { options } from "./registryOptions.js"
import type { Settings } from "./registryServer.js"
import type { DefaultedName } from "./table.js"

/** Everything that `vix registry` was told. */
export interface Invocation {
  readonly server: Settings
  readonly limits: RegistryLimits.RegistryLimits
  /** The address of a Redis; none: the list is kept in memory. */
  readonly store: Option.Option<string>
  /** Addresses of proxies that are believed. */
  readonly trusted: ReadonlyArray<string>
  /** 0 for no limit. */
  readonly runMillis: number
  readonly quiet: boolean
  readonly events: "off" | "ndjson"
  readonly logLevel: Option.Option<Level>
}

/** Parses what follows `vix registry`. */
export const parse = (argv: ReadonlyArray<string>): Effect.Effect<Invocation, UsageError> =>
  Effect.flatMap(read(options, decoders, argv), ({ given, problems, values }) =>
    problems.length > 0
      ? new UsageError({ problems, events: values.events ?? "off" })
      : Effect.succeed(invocation(values as Values, given.has("quiet"))))

type Values = Complete<typeof options, typeof decoders, DefaultedName<typeof options>>

const invocation = (values: Values, quiet: boolean): Invocation => ({
  server: { host: Option.fromNullable(values.bind), port: values.listen, base: values["base-path"] },
  limits: {
    ...RegistryLimits.defaults,
    entries: values.limit,
    entriesPerHost: values["limit-per-host"],
    entryMillis: values.ttl
  },
  store: values.store,
  trusted: values["trust-forwarded"],
  runMillis: values.run,
  quiet,
  events: values.events,
  logLevel: Option.fromNullable(values["log-level"])
})

const basePath: Decoder<Settings["base"]> = (text) =>
  /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*\/?$/.test(text)
    ? Either.right(text.replace(/\/$/, "") as Settings["base"])
    : Either.left("expected a path such as /vix, of letters, digits, and any of - . _ ~")

const store: Decoder<Option.Option<string>> = (text) => {
  if (text === "memory") return Either.right(Option.none())
  if (!/^rediss?:\/\/([^\s/?#]*@)?[^\s/?#@]+(\/\d*)?$/i.test(text) || !URL.canParse(text)) {
    return Either.left(
      "expected memory, redis://host:port or rediss://host:port, /number for a database, no query"
    )
  }
  const { password, username } = new URL(text)
  return Either.mapBoth(Either.try(() => decodeURIComponent(username + password)), {
    onLeft: () => "expected %25 for a % in the user and the password",
    onRight: () => Option.some(text)
  })
}

const proxy: Decoder<string> = (text) => {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  return Endpoint.isIPv4(bare) || Endpoint.isIPv6(bare)
    ? Either.right(bare)
    : Either.left("expected an IPv4 or IPv6 address")
}

// What is listed is sent in one answer at most in part, and held in memory as a whole.
const most = 1_000_000

const decoders = {
  listen: port(0),
  bind: address,
  "base-path": basePath,
  ttl: seconds(1_000),
  limit: integer(1, most),
  "limit-per-host": integer(1, most),
  store,
  "trust-forwarded": proxy,
  run: seconds(0),
  events: oneOf("off", "ndjson"),
  "log-level": level
}
