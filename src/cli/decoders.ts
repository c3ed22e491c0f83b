/** What a value on the command line may be, one decoder an option. */
import * as Either from "effect/Either"
import * as Endpoint from "../domain/Endpoint.js"
import * as NodeId from "../domain/NodeId.js"
import { longestMillis } from "../domain/Problems.js"
import * as Level from "./level.js"

/** Reads the text of a value; the left side says what was expected. */
export type Decoder<A> = (text: string) => Either.Either<A, string>

export const integer = (min: number, max: number, what = "a whole number"): Decoder<number> => (text) => {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max
    ? Either.right(value)
    : Either.left(`expected ${what} from ${min} to ${max}`)
}

const millis = (min: number): Decoder<number> => integer(min, longestMillis, "milliseconds, a whole number")

const maxSeconds = Math.floor(longestMillis / 1_000)

/** From so many milliseconds on, in milliseconds. */
export const seconds = (min: number): Decoder<number> => (text) => {
  const value = /^(\d{1,16}(\.\d{1,16})?|\.\d{1,16})$/.test(text) ? Number(text) : Number.NaN
  return value * 1_000 >= min && value <= maxSeconds
    // 0 may mean for ever: what is more stays more, however short.
    ? Either.right(Math.max(Math.round(value * 1_000), Math.sign(value)))
    : Either.left(`expected seconds from ${min / 1_000} to ${maxSeconds}, such as 1.5`)
}

export const oneOf = <const A extends string>(...choices: ReadonlyArray<A>): Decoder<A> => (text) => {
  const found = choices.find((choice) => choice === text)
  return found === undefined ? Either.left(`expected ${choices.join(" or ")}`) : Either.right(found)
}

const onOff: Decoder<boolean> = (text) => Either.map(oneOf("on", "off")(text), (word) => word === "on")

export const port = (min: number) => integer(min, Endpoint.maxPort, "a port")

export const address: Decoder<string> = (text) => {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  return Either.mapBoth(Endpoint.parse(Endpoint.isIPv6(bare) ? `[${bare}]:1` : `${text}:1`), {
    onLeft: () => "expected an IPv4 or IPv6 address or a name of this host",
    onRight: () => bare
  })
}

const url: Decoder<string> = (text) => {
  const parsed = /^https?:\/\/[^\s?#]+$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  return parsed === undefined || parsed.username !== "" || parsed.password !== ""
    ? Either.left(
      "expected http://host:port or https://host:port, a path if need be, no query and no password"
    )
    : Either.right(parsed.href.replace(/\/+$/, ""))
}

const iface: Decoder<string> = (text) =>
  /^!?[^\s!/]{1,64}$/.test(text)
    ? Either.right(text)
    : Either.left("expected the name of an interface, such as eth0, or !eth0 to leave it out")

const file: Decoder<string> = (text) =>
  text === "" || text.includes("\0") ? Either.left("expected the name of a file") : Either.right(text)

export const level: Decoder<Level.Level> = (text) =>
  Either.fromNullable(Level.parse(text), () => `expected ${Level.levels.slice(0, -1).join(", ")} or off`)

/** The values of `vix p2p`. */
export const decoders = {
  id: NodeId.parse,
  listen: port(0),
  connect: Endpoint.parse,
  "connect-delay": millis(0),
  bind: address,
  "max-peers": integer(1, 65_535),
  run: seconds(0),
  "wait-peers": integer(1, 65_535),
  "wait-timeout": seconds(1),
  "ready-file": file,
  "stats-every": millis(50),
  tui: onOff,
  events: oneOf("off", "ndjson"),
  "log-level": level,
  discovery: onOff,
  "disc-port": port(1),
  "disc-mode": oneOf("broadcast", "multicast"),
  "disc-interval": millis(100),
  iface,
  advertise: port(1),
  bootstrap: onOff,
  registry: url,
  "boot-interval": seconds(1_000),
  announce: onOff
}
