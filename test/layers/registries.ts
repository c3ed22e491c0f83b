/** Registries on HTTP for tests: one that works, and ones that answer what they like. All on 127.0.0.1. */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Announcement, Entry } from "../../src/protocol/RegistryMessage.js"

/** Listens for as long as the scope is open, and drops every connection with it. */
const listening = (server: Net.Server) =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    server.on("connection", (socket: Net.Socket) => {
      sockets.add(socket)
      socket.on("error", () => {}).once("close", () => sockets.delete(socket))
    })
    const up = (port: number) =>
      Effect.async<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void)))
    const down = Effect.async<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    })
    yield* Effect.acquireRelease(up(0), () => down)
    const address = server.address()
    if (typeof address !== "object" || address === null) return yield* Effect.dieMessage("no address")
    return {
      url: new URL(`http://127.0.0.1:${address.port}`),
      connections: () => sockets.size,
      down,
      up: up(address.port)
    }
  })

/** What a request looked like. */
export interface Seen {
  readonly method: string
  readonly target: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

/** A registry that works, under a base path. */
export const working = (base = "") =>
  Effect.gen(function*() {
    const entries = new Map<string, Entry>()
    const seen: Array<Seen> = []
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString()
        const { headers, method = "", url: target = "" } = request
        seen.push({ method, target, headers, body })
        const answer = serve(entries, base, method, target, body)
        response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" })
        response.end(JSON.stringify(answer ?? {}))
      })
    })
    return { ...(yield* listening(server)), seen, entries }
  })

const serve = (
  entries: Map<string, Entry>,
  base: string,
  method: string,
  target: string,
  body: string
): unknown => {
  const url = new URL(target, "http://registry.invalid")
  if (method === "GET" && url.pathname === `${base}/peers`) {
    return { peers: [...entries.values()].slice(0, Number(url.searchParams.get("limit"))) }
  }
  if (url.pathname !== `${base}/announce`) return undefined
  const { key, node_id, tcp_port } = JSON.parse(body) as Announcement
  if (method === "POST") entries.set(key, { node_id, host: "127.0.0.1", tcp_port, key })
  else if (method === "DELETE") entries.delete(key)
  else return undefined
  return { ok: true }
}

/** A server that does what it likes with each connection, from its first bytes on. */
export const hostile = (answer: (socket: Net.Socket, request: string) => void) =>
  Effect.gen(function*() {
    let requests = 0
    let most = 0
    const unanswered = new Set<Net.Socket>()
    const server = Net.createServer((socket) =>
      socket.once("data", (request) => {
        requests++
        unanswered.add(socket)
        most = Math.max(most, unanswered.size)
        for (const event of ["finish", "close"]) socket.once(event, () => unanswered.delete(socket))
        answer(socket, request.toString())
      })
    )
    return { ...(yield* listening(server)), requests: () => requests, most: () => most }
  })

/** An answer of HTTP as it goes over the wire. */
export const http = (status: string, body: string, headers: ReadonlyArray<string> = []): string =>
  [`HTTP/1.1 ${status}`, `content-length: ${Buffer.byteLength(body)}`, ...headers, "", body].join("\r\n")
