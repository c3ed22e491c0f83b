/** Requests over HTTP as a node makes them, each on a connection of its own. */
import * as Effect from "effect/Effect"
import { request } from "node:http"
import type { Endpoint } from "../../src/domain/Endpoint.js"

export interface Question {
  readonly method?: string
  readonly path: string
  /** Sent as it is if it is text or bytes, else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The address to come from. */
  readonly from?: string
}

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | Array<string>>
  readonly text: string
  /** What the text is as JSON. */
  readonly json: unknown
}

export const ask = (
  { host, port }: Pick<Endpoint, "host" | "port">,
  { body, from, headers = {}, method = "GET", path }: Question
): Effect.Effect<Answer, Error> =>
  Effect.async((resume) => {
    const outgoing = request(
      {
        host,
        port,
        method,
        path,
        headers,
        agent: false,
        ...(from === undefined ? {} : { localAddress: from })
      },
      (incoming) => {
        let text = ""
        incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk)).on("end", () =>
          resume(Effect.succeed({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text,
            get json() {
              return JSON.parse(text) as unknown
            }
          })))
      }
    )
    outgoing.on("error", (error) =>
      resume(Effect.fail(error)))
    const bytes = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
    if (bytes !== undefined && headers["transfer-encoding"] === undefined) {
      outgoing.setHeader("content-length", Buffer.byteLength(bytes))
    }
    outgoing.end(bytes)
    return Effect.sync(() =>
      outgoing.destroy()
    )
  })
