/** What happens in a registry, as one union: the source of its log lines, its counters and its machine-readable output. */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { type Line, where } from "./describe.js"
import { parse } from "./level.js"
import * as Ndjson from "./ndjson.js"
import { printable } from "./text.js"

const make = <const Name extends string, Fields extends Schema.Struct.Fields>(ev: Name, fields: Fields) =>
  Schema.Struct({
    ev: Schema.Literal(ev),
    /** Wall clock, Unix milliseconds. */
    atMillis: Schema.Number,
    ...fields
  })

const node = {
  nodeId: Schema.String,
  endpoint: Schema.String,
  /** The node's key, if it named one; unproven. */
  key: Schema.optionalWith(Schema.String, { exact: true })
}

/** How often something was asked for and done, and how often a request was refused. */
export const Counters = Schema.Struct({
  announces: Schema.Int,
  leaves: Schema.Int,
  pulls: Schema.Int,
  refused: Schema.Int
})
export type Counters = typeof Counters.Type

const Listening = make("listening", {
  address: Schema.String,
  port: Schema.Int,
  /** Where nodes find it, to be put behind scheme, host and port. */
  base: Schema.String,
  store: Schema.Literal("memory", "redis")
})

/** A node is listed; `added` tells that it was not before. */
const Announced = make("announced", { ...node, added: Schema.Boolean })

/** A node took its entry back. */
const Left = make("left", node)

/** Somebody was told of so many nodes. */
const Pulled = make("pulled", { host: Schema.String, entries: Schema.Int })

/** A request was not served. */
const Refused = make("refused", {
  host: Schema.String,
  method: Schema.String,
  path: Schema.String,
  status: Schema.Int
})

/** The store was lost or is there again. */
const Store = make("store", { reachable: Schema.Boolean, detail: Schema.String })

const Logged = make("log", { level: Schema.String, message: Schema.String })
const Stopping = make("stopping", { cause: Schema.String })
const Final = make("final", { counters: Counters, exitCode: Schema.Int })

/** All events. */
export const RegistryEvent = Schema.Union(
  Listening,
  Announced,
  Left,
  Pulled,
  Refused,
  Store,
  Logged,
  Stopping,
  Final
)
export type RegistryEvent = typeof RegistryEvent.Type

/** An event before its time is set. */
export type Untimed<E extends RegistryEvent = RegistryEvent> = E extends RegistryEvent ? Omit<E, "atMillis">
  : never

const lineOf = (event: (typeof RegistryEvent.members)[number]) =>
  Schema.Struct({ ...Ndjson.head, ...Struct.omit(event.fields, "atMillis") })

/** One line of `--events ndjson`. */
export const EventLine = Schema.Union(...RegistryEvent.members.map(lineOf))

/** The JSON Schema of a line, as text. */
export const jsonSchema = (): string => Ndjson.jsonSchema("A line of vix registry --events ndjson", EventLine)

/** Counters at nought. */
export const zero: Counters = { announces: 0, leaves: 0, pulls: 0, refused: 0 }

/** The counters after an event. */
export const counted = (counters: Counters, { ev }: Untimed): Counters => {
  const counter = counterOf[ev]
  return counter === undefined ? counters : { ...counters, [counter]: counters[counter] + 1 }
}

const counterOf: { readonly [Name in RegistryEvent["ev"]]?: keyof Counters } = {
  announced: "announces",
  left: "leaves",
  pulled: "pulls",
  refused: "refused"
}

/** The counters in one line. */
export const format = (counters: Counters): string =>
  Object.entries(counters).map(([name, count]) => `${name}=${count}`).join(" ")

/** The log line of an event, or nothing if it has none. The text is safe to print. */
export const describe = (event: RegistryEvent): Line | undefined => {
  switch (event.ev) {
    case "listening":
      return line(
        "info",
        `listening on ${where(event.address, event.port)}, base path ${
          event.base === "" ? "/" : event.base
        }, ` +
          `the list in ${event.store}; a page for people at /docs`
      )
    case "announced":
      return line(
        event.added ? "info" : "debug",
        `${who(event)} is ${event.added ? "listed" : "listed on"}`
      )
    case "left":
      return line("info", `${who(event)} left`)
    case "pulled":
      return line("debug", `${event.host} was told of ${event.entries} nodes`)
    case "refused":
      return line("debug", `${event.host}: ${event.method} ${event.path} refused with ${event.status}`)
    case "store":
      return event.reachable
        ? line("info", "the store is there again")
        : line("warn", `${event.detail}; requests are refused until it is back`)
    case "log":
      return { level: parse(event.level) ?? "info", text: event.message.split("\n").map(clean).join("\n  ") }
    case "stopping":
      return line("debug", `stopping: ${event.cause}`)
    case "final":
      return undefined
  }
}

const clean = (text: string): string => printable(text, 1_024)

const line = (level: Line["level"], text: string): Line => ({ level, text: clean(text) })

const who = ({ endpoint, key, nodeId }: Omit<typeof Left.Type, "ev" | "atMillis">): string =>
  `node ${printable(nodeId)} at ${endpoint}${key === undefined ? "" : ` (${key.slice(0, 16)}…)`}`
