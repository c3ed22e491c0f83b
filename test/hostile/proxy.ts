/** A man in the middle: passes bytes on as it was told to, and may keep or cut them. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type * as Endpoint from "../../src/domain/Endpoint.js"
import { listen } from "./wire.js"

/** One direction of a connection through the proxy. */
export type Way = "there" | "back"

/** Both halves of a connection through the proxy. */
export interface Passage {
  readonly client: Net.Socket
  readonly server: Net.Socket
  /** Passes bytes on in a direction. */
  readonly pass: (way: Way, bytes: Uint8Array) => void
  /** Resets both halves. */
  readonly cut: () => void
}

/** Stands in front of an address. `meet` sees every chunk and passes on what it likes. */
export const proxy = (
  target: Endpoint.Endpoint,
  meet: (passage: Passage) => (way: Way, chunk: Uint8Array) => void
): Effect.Effect<Endpoint.Endpoint, never, Scope.Scope> =>
  listen((client) => {
    const server = Net.connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true })
    const halves = { there: server, back: client } as const
    const cut = () => {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    const passage: Passage = { client, server, pass: (way, bytes) => void halves[way].write(bytes), cut }
    const see = meet(passage)
    // Not before there is somebody to pass it on to.
    server.once("connect", () => client.on("data", (chunk: Buffer) => see("there", new Uint8Array(chunk))))
    server.on("data", (chunk: Buffer) => see("back", new Uint8Array(chunk)))
    client.on("end", () => server.end())
    server.on("end", () => client.end())
    client.on("error", cut)
    server.on("error", cut)
    client.on("close", () => server.destroy())
    server.on("close", () => client.destroy())
  })
