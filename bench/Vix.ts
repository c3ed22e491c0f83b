/** Our own node, whole: its guard, its peer table, its limits and its streams take part. */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Endpoint, Limits, Node, NodeId, type PeerId, TcpNode } from "vix"
import { type Client, type Contender, type Dial, message, readCount, Tally } from "./Contender.js"

const topic = "b"

export const make = (): Contender => ({
  serve: async () => {
    const runtime = start("server")
    const node = await runtime.runPromise(Node.Node)
    const tally = new Tally()
    runtime.runFork(
      Stream.runForEachChunk(node.messages, (messages) =>
        Effect.gen(function*() {
          for (const { from, payload } of messages) {
            const answer = tally.take(payload)
            if (answer !== undefined) yield* node.send(from, topic, answer)
          }
        }))
    )
    return node.address.port
  },
  dialler,
  connect: async (port) => {
    const runtime = start("client")
    const node = await runtime.runPromise(Node.Node)
    const peer = await runtime.runPromise(node.connect(at(port)))
    return client(runtime, node, peer.id)
  }
})

type Runtime = ReturnType<typeof start>

// What a benchmark of many sessions at once has to raise.
const limits = {
  ...Limits.defaults,
  halfOpen: 256,
  peers: 8_192,
  handshakeMillis: 60_000,
  dialMillis: 60_000
}

const start = (id: string) =>
  ManagedRuntime.make(
    TcpNode.layer({ id: NodeId.NodeId.make(id), host: Option.some("127.0.0.1"), limits })
  )

const at = (port: number) => Endpoint.make("127.0.0.1", port)

let diallers = 0

/** A peer is a key and has one session, so everybody who dials is a node of its own. */
const dialler = async (): Promise<Dial> => {
  const runtime = start(`client-${++diallers}`)
  const node = await runtime.runPromise(Node.Node)
  const closed = await runtime.runPromise(Queue.unbounded<void>())
  runtime.runFork(
    Stream.runForEach(
      node.events,
      (event) =>
        event.ev === "peer.state" && event.to === "Closed" ? Queue.offer(closed, undefined) : Effect.void
    )
  )
  return async (port) => {
    const peer = await runtime.runPromise(node.connect(at(port)))
    return () =>
      runtime.runPromise(
        Effect.zipRight(node.disconnect(peer.id), Queue.take(closed))
      )
  }
}

const client = (runtime: Runtime, node: Node.Node["Type"], peer: PeerId.PeerId): Client => {
  let answered: (payload: Uint8Array) => Effect.Effect<unknown, Node.SendError> = () => Effect.void
  runtime.runFork(Stream.runForEach(node.messages, ({ payload }) => answered(payload)))
  return {
    flood: async (bytes, count) => {
      const answer = new Promise<Uint8Array>((
        resolve
      ) => (answered = (payload) => Effect.sync(() => resolve(payload))))
      await runtime.runPromise(Effect.gen(function*() {
        for (let sent = 0; sent < count; sent++) yield* node.send(peer, topic, bytes)
        yield* node.send(peer, topic, message("asked", 1))
      }))
      return readCount(await answer)
    },
    roundTrips: (bytes, count) =>
      new Promise((resolve, reject) => {
        const times: Array<number> = []
        let began = performance.now()
        answered = () => {
          const now = performance.now()
          times.push(1_000 * (now - began))
          began = now
          return times.length === count ? Effect.sync(() => resolve(times)) : node.send(peer, topic, bytes)
        }
        runtime.runPromise(node.send(peer, topic, bytes)).catch(reject)
      })
  }
}
