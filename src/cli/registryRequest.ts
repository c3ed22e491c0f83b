/** What a request holds: its body, within bounds, and the host that it comes from. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Endpoint from "../domain/Endpoint.js"
import { Announcement, BodyTooLarge } from "./registryApi.js"

const unfit = (text: string) => new HttpApiDecodeError({ issues: [], message: text })

/** The announcement in the body of a request, whatever the request says of its type. */
export const announcement = (
  request: HttpServerRequest,
  bodyBytes: number
): Effect.Effect<typeof Announcement.Type, HttpApiDecodeError | BodyTooLarge> =>
  Effect.gen(function*() {
    const body = yield* bodyOf(request, bodyBytes)
    const text = yield* Effect.try({ try: () => utf8.decode(body), catch: () => unfit("expected UTF-8") })
    return yield* decode(text).pipe(Effect.catchAll(HttpApiDecodeError.refailParseError))
  })

const utf8 = new TextDecoder("utf-8", { fatal: true })
const decode = Schema.decode(Schema.parseJson(Announcement), { errors: "all" })

const bodyOf = (request: HttpServerRequest, most: number): Effect.Effect<Uint8Array, BodyTooLarge> =>
  Effect.async((resume) => {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const chunks: Array<Buffer> = []
    let size = 0
    const stop = () => {
      source.off("data", take)
      source.off("end", end)
      // What is left of the body is thrown away as it comes, so that the answer finds a reader.
      source.resume()
    }
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size <= most) return void chunks.push(chunk)
      stop()
      resume(Effect.fail(new BodyTooLarge({ message: `expected at most ${most} bytes` })))
    }
    const end = () => {
      stop()
      resume(Effect.succeed(Buffer.concat(chunks)))
    }
    source.on("data", take)
    source.on("end", end)
    return Effect.sync(stop)
  })

/**
 * The host that a request comes from: the address it comes from or, where that is a trusted proxy, the last one in
 * `X-Forwarded-For` that is none.
 */
export const hostOf = (
  { headers, remoteAddress }: Pick<HttpServerRequest, "headers" | "remoteAddress">,
  isTrusted: (address: string) => boolean
): Effect.Effect<string, HttpApiDecodeError> =>
  Effect.suspend(() => {
    const forwarded = (headers["x-forwarded-for"] ?? "").split(",").map((part) => part.trim())
      .filter((part) => part !== "")
    let host = Endpoint.canonical(Option.getOrElse(remoteAddress, () => ""))
    while (isTrusted(host)) {
      const named = forwarded.pop()
      if (named === undefined) break
      const address = addressOf(named)
      if (address === undefined) return Effect.fail(unfit("expected addresses in X-Forwarded-For"))
      host = address
    }
    return Effect.succeed(host)
  })

/** An address as proxies write it: IPv6 with or without brackets, the port added or not. */
const addressOf = (text: string): string | undefined => {
  const { v4, v6 = text } = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[\d.]+))(?::\d+)?$/.exec(text)?.groups ?? {}
  const address = v4 ?? v6
  const fits = v4 === undefined ? Endpoint.isIPv6(address) : Endpoint.isIPv4(address)
  return fits ? Endpoint.canonical(address) : undefined
}
