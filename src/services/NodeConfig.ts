/**
 * The settings of a node.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Endpoint from "../domain/Endpoint.js"
import * as Limits from "../domain/Limits.js"
import * as NodeId from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import { longestMillis, Problems } from "../domain/Problems.js"
import { keyBytes } from "../protocol/Crypto.js"
import * as IdentityPayload from "../protocol/IdentityPayload.js"

/** @since 0.1.0 */
export interface Settings {
  /** What people call the node. */
  readonly id: NodeId.NodeId
  /** TCP port to listen on; 0 takes a free one. */
  readonly port: number
  /** Address to listen on; none for all, IPv4 and IPv6. */
  readonly host: Option.Option<string>
  /** Endpoints that stay wanted for the life of the node. */
  readonly connect: ReadonlyArray<Endpoint.Endpoint>
  /** Milliseconds before the first dial of each of them. */
  readonly connectDelayMillis: number
  /** False: nothing is ever dialled; inbound peers are accepted. */
  readonly dialling: boolean
  /** What the node says of itself in the handshake: keys of `[a-z0-9._-]`, printable ASCII values, at most 16. */
  readonly capabilities: Readonly<Record<string, string>>
  /** The private network's key, 32 bytes that are not all zero; none for the open network. */
  readonly networkKey: Option.Option<Redacted.Redacted<Uint8Array>>
  /** Endpoints, in any form that `Endpoint.parse` takes, at which one key alone is accepted. */
  readonly pins: ReadonlyMap<string, PeerId>
  /** The keys that node ids are known by. */
  readonly knownPeers: ReadonlyMap<NodeId.NodeId, PeerId>
  /** Keys that are refused. */
  readonly denied: ReadonlySet<PeerId>
  /** The only keys that are let in, if given. */
  readonly allowed: Option.Option<ReadonlySet<PeerId>>
  readonly limits: Limits.Limits
}

/** @since 0.1.0 */
export class NodeConfig extends Context.Tag("vix/NodeConfig")<NodeConfig, Settings>() {}

/** Everything but the node id. Port 0: any free one. @since 0.1.0 */
export const defaults: Omit<Settings, "id"> = {
  port: 0,
  host: Option.none(),
  connect: [],
  connectDelayMillis: 0,
  dialling: true,
  capabilities: {},
  networkKey: Option.none(),
  pins: new Map(),
  knownPeers: new Map(),
  denied: new Set(),
  allowed: Option.none(),
  limits: Limits.defaults
}

/**
 * The defaults with some settings of one's own, `pins` by `Endpoint.toString`. Throws a RangeError that names all that
 * no node can be made of.
 *
 * @since 0.1.0
 */
export const make = (settings: Partial<Settings> & Pick<Settings, "id">): Settings => {
  const all = { ...defaults, ...settings }
  const problems = new Problems("NodeConfig.")
  const wrongId = NodeId.problem(all.id)
  problems.say(wrongId === undefined, `id ${JSON.stringify(all.id)}: ${wrongId}`)
  problems.whole("port", all.port, 0, Endpoint.maxPort)
  problems.whole("connectDelayMillis", all.connectDelayMillis, 0, longestMillis)
  for (const wrong of IdentityPayload.problems(all.capabilities)) problems.say(false, wrong)
  const pins = byEndpoint(all.pins, problems)
  if (Option.isSome(all.networkKey)) checkKey(Redacted.value(all.networkKey.value), problems)
  checkLimits(all.limits, problems)
  problems.raise()
  return { ...all, pins }
}

/** Throws as `make` does. @since 0.1.0 */
export const layer = (settings: Partial<Settings> & Pick<Settings, "id">): Layer.Layer<NodeConfig> =>
  Layer.succeed(NodeConfig, make(settings))

/** A pin that no dial would find would be none, without a word. */
const byEndpoint = (pins: Settings["pins"], problems: Problems): Settings["pins"] => {
  const found = new Map<string, PeerId>()
  for (const [text, peer] of pins) {
    const name = `pins ${JSON.stringify(text)}`
    Either.match(Endpoint.parse(text), {
      onLeft: (expected) => problems.say(false, `${name}: ${expected}`),
      onRight: (endpoint) => {
        const key = endpoint.toString()
        problems.say((found.get(key) ?? peer) === peer, `${name}: expected one key alone for ${key}`)
        found.set(key, peer)
      }
    })
  }
  return found
}

/** All zeros stand for the open network on the wire: a private one must not come to that by a buffer never filled. */
const checkKey = (key: Uint8Array, problems: Problems): void => {
  const { length } = key
  problems.say(length === keyBytes, `networkKey of ${length} bytes: expected ${keyBytes} bytes`)
  problems.say(
    length !== keyBytes || key.some((byte) => byte !== 0),
    "networkKey of zeros alone: expected random bytes, or none for the open network"
  )
}

const checkLimits = (limits: Limits.Limits, problems: Problems): void => {
  for (const key of Object.keys(Limits.defaults) as ReadonlyArray<keyof Limits.Limits>) {
    const [name, value] = [`limits.${key}`, limits[key]]
    if (key.endsWith("Jitter")) {
      problems.fraction(name, value)
      continue
    }
    const least = atLeastOne.has(key) ? 1 : 0
    problems.say(
      Number.isFinite(value) && value >= least,
      `${name} ${value}: expected a finite number of ${least} or more`
    )
  }
}

/** With less, a node would not rest, or wait for ever. */
const atLeastOne: ReadonlySet<keyof Limits.Limits> = new Set([
  "pingMillis",
  "redialMillis",
  "registryDials",
  "registryDialsPerSecond",
  "sendQueueSoftBytes"
])
