/**
 * The list of several registries that stand behind one address, in Redis 6.2 or later. Redis itself ends the entries.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { networkOf } from "../domain/Admission.js"
import type { RegistryLimits } from "../domain/RegistryLimits.js"
import { Entry } from "../protocol/RegistryMessage.js"
import { type Bounds, nameOf, RegistryStore, roomOf, StoreError } from "../services/RegistryStore.js"

/** @since 0.1.0 */
export interface Options
  extends Bounds, Pick<RegistryLimits, "storeMillis" | "storeQueue" | "storeRetryMillis">
{
  /** `redis://host:port` or `rediss://host:port`, with a user, a password and the number of a database if need be. */
  readonly url: string
}

/**
 * A store that is connected until the scope closes. Fails if Redis is out of reach now; if it is lost later on, what
 * is asked meanwhile fails at once, and it is dialled again until it is back.
 *
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<typeof RegistryStore.Service, StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const store = new URL(options.url).host
    const asked = <A>(request: () => Promise<A>): Effect.Effect<A, StoreError> =>
      Effect.tryPromise({ try: request, catch: (cause) => new StoreError({ store, cause }) }).pipe(
        Effect.timeoutFail({
          duration: options.storeMillis,
          onTimeout: () => new StoreError({ store, cause: `no answer within ${options.storeMillis} ms` })
        })
      )

    const { createClient } = yield* Effect.promise(() => import("@redis/client"))
    let met = false
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const client = createClient({
          url: options.url,
          disableOfflineQueue: true,
          commandsQueueMaxLength: options.storeQueue,
          socket: {
            connectTimeout: options.storeMillis,
            reconnectStrategy: (retries) => met && Math.min(options.storeRetryMillis, 50 * 2 ** retries)
          }
        })
        // Whoever asks is told; without a listener the first loss would end the process.
        client.on("error", () => {})
        return client
      }),
      (client) => Effect.sync(() => client.destroy())
    )
    yield* asked(() => client.connect())
    met = true

    const run = <A>(
      reply: Schema.Schema<A>,
      script: string,
      keys: ReadonlyArray<string>,
      ...args: ReadonlyArray<string | number>
    ): Effect.Effect<A, StoreError> =>
      asked(() => client.eval(script, { keys: [...keys], arguments: args.map(String) })).pipe(
        Effect.map(Schema.decodeUnknownSync(reply))
      )

    return RegistryStore.of({
      put: (entry) => {
        const { entries, entryMillis } = options
        const name = nameOf(entry)
        const network = networkOf(entry.host)
        const keys = [everyKey, networkKey(network), entryKey(name)]
        const text = JSON.stringify({ ...entry, network })
        const room = roomOf(entry.host, options)
        return run(PutReply, putScript, keys, name, network, text, entryMillis, entries, room)
      },
      remove: (entry) => {
        const name = nameOf(entry)
        const keys = [everyKey, networkKey(networkOf(entry.host)), entryKey(name)]
        return run(RemoveReply, removeScript, keys, name, entry.host)
      },
      list: (limit) =>
        Effect.map(run(ListReply, listScript, [everyKey], limit), (texts) =>
          texts.flatMap((text) => Option.toArray(decodeEntry(text)))),
      count: run(Schema.Number, countScript, [everyKey])
    })
  })

/** @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<RegistryStore, StoreError> =>
  Layer.scoped(RegistryStore, make(options))

// The part in braces keeps all keys on one node of a cluster.
const prefix = "{vix:registry}:"
const everyKey = `${prefix}every`
const networkKey = (network: string): string => `${prefix}network:${network}`
const entryKey = (name: string): string => `${prefix}entry:${name}`

const decodeEntry = Schema.decodeUnknownOption(Schema.parseJson(Entry))
const PutReply = Schema.Literal("added", "refreshed", "host full", "full")
const RemoveReply = Schema.Literal("removed", "absent", "foreign")
// A name may outlive its entry for a moment.
const ListReply = Schema.Array(Schema.NullOr(Schema.String))

// An entry is a text with an end. Names stand in sorted sets by the time of that end, one for all and one for each
// network, out of which the ended ones are swept whenever a set is looked at. The time is that of Redis, so that the
// clocks of the registries need not agree.
const clock = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function sweep(key) redis.call("ZREMRANGEBYSCORE", key, "-inf", now) end
`

const previous = `
local every, of_network, entry = KEYS[1], KEYS[2], KEYS[3]
local name = ARGV[1]
local text_before = redis.call("GET", entry)
local before = text_before and cjson.decode(text_before)
`

const putScript = `${clock}${previous}
local network, text, millis, most, room = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
sweep(every)
sweep(of_network)
local stays = before and before.network == network
if not stays and redis.call("ZCARD", of_network) >= room then return "host full" end
if not before and redis.call("ZCARD", every) >= most then return "full" end
if before then redis.call("ZREM", "${networkKey("")}" .. before.network, name) end
redis.call("SET", entry, text, "PX", millis)
for _, key in ipairs({ every, of_network }) do
  redis.call("ZADD", key, now + millis, name)
  redis.call("PEXPIRE", key, millis)
end
return before and "refreshed" or "added"
`

const removeScript = `${previous}
if not before then return "absent" end
if before.host ~= ARGV[2] then return "foreign" end
redis.call("DEL", entry)
redis.call("ZREM", every, name)
redis.call("ZREM", of_network, name)
return "removed"
`

const listScript = `${clock}
sweep(KEYS[1])
local texts = {}
for at, name in ipairs(redis.call("ZRANDMEMBER", KEYS[1], ARGV[1])) do
  texts[at] = redis.call("GET", "${entryKey("")}" .. name)
end
return texts
`

const countScript = `${clock}
sweep(KEYS[1])
return redis.call("ZCARD", KEYS[1])
`
