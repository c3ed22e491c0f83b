/**
 * HTTP without anything that outlives a request: a connection for each, no redirects, no proxy, no decompression,
 * no retries.
 */
import { makeUndici } from "@effect/platform-node/NodeHttpClient"
import { Agent } from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type { LookupFunction } from "node:net"

export interface Options {
  /** Finds the addresses of a name; `dns.lookup` without it. */
  readonly lookup?: LookupFunction
}

/** A client whose requests end, whatever they are at, when the scope that `HttpClient.withScope` asks for closes. */
export const make = (options: Options): HttpClient.HttpClient =>
  HttpClient.make((request, _, signal) =>
    Effect.suspend(() => {
      // The signal reaches a socket that is still connecting; the agent has those that are established.
      const agent = new Agent({ connections: 1, pipelining: 0, connect: { signal, ...options } })
      signal.addEventListener("abort", () => void agent.destroy(), { once: true })
      return makeUndici(agent).execute(request)
    })
  ).pipe(HttpClient.withTracerDisabledWhen(() => true))
