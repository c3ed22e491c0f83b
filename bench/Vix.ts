/** Our own node, whole: its guard, its peer table and its limits take part. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Endpoint, Limits, Node, type NodeEvent, NodeId, type PeerId, TcpNode, Witness } from "vix"
import { type Client, type Contender, type Dial, message, readCount, Tally } from "./Contender.js"

/** What a server does with the messages under it. */
const topics = { counted: "c", answered: "a" } as const

/** As many messages as are handed over together. */
const batchBytes = 262_144

/** How a program takes what comes: by a function that is called with it, or as a stream. */
type Taking = "functions" | "streams"

export const make = (taking: Taking): Contender => ({
  serve: async () => {
    const runtime = start("server")
    const node = await runtime.runPromise(Node.Node)
    const tally = new Tally()
    take(runtime, node, taking, (message) => {
      if (message.topic === topics.counted) return tally.add(message.size)
      const answer = tally.take(message.payload)
      // Whoever waits for an answer that finds no space waits until the time limit of the sample.
      if (answer !== undefined) node.offer(message.from, topics.answered, answer)
    })
    return node.address.port
  },
  dialler,
  connect: async (port) => {
    const runtime = start("client")
    const node = await runtime.runPromise(Node.Node)
    const peer = await runtime.runPromise(node.connect(at(port)))
    return client(runtime, node, taking, peer.id)
  }
})

type Runtime = ReturnType<typeof start>

const take = (
  runtime: Runtime,
  node: Node.Node["Type"],
  taking: Taking,
  each: (message: Node.Message) => void
) => {
  const all = (messages: Iterable<Node.Message>) => {
    for (const message of messages) each(message)
  }
  runtime.runFork(
    taking === "functions"
      ? node.receive(all)
      : Stream.runForEachChunk(node.messages, (messages) => Effect.sync(() => all(messages)))
  )
}

// What a benchmark of many sessions at once has to raise.
const limits = {
  ...Limits.defaults,
  halfOpen: 256,
  peers: 8_192,
  handshakeMillis: 60_000,
  dialMillis: 60_000
}

const start = (id: string, witness: (event: NodeEvent.NodeEvent) => void = () => {}) =>
  ManagedRuntime.make(
    Layer.provide(
      TcpNode.layer({ id: NodeId.NodeId.make(id), host: Option.some("127.0.0.1"), limits }),
      Layer.succeed(Witness.Witness, witness)
    )
  )

const at = (port: number) => Endpoint.make("127.0.0.1", port)

let diallers = 0

/** A peer is a key and has one session, so everybody who dials is a node of its own. */
const dialler = async (): Promise<Dial> => {
  let closed = () => {}
  const runtime = start(`client-${++diallers}`, (event) => {
    if (event.ev === "peer.state" && event.to === "Closed") closed()
  })
  const node = await runtime.runPromise(Node.Node)
  // In one fiber from the dial to the end, as a program on Effect would; each effect run by itself would need another.
  return (port) =>
    new Promise((opened, failed) => {
      const left = Effect.async<void>((resume) =>
        opened(() =>
          new Promise((ended) => {
            closed = ended
            resume(Effect.void)
          })
        )
      )
      const session = Effect.flatMap(
        node.connect(at(port)),
        (peer) => Effect.zipRight(left, node.disconnect(peer.id))
      )
      runtime.runCallback(session, { onExit: (exit) => Exit.isFailure(exit) && failed(exit.cause) })
    })
}

const client = (runtime: Runtime, node: Node.Node["Type"], taking: Taking, peer: PeerId.PeerId): Client => {
  let answered: (payload: Uint8Array) => void = () => {}
  take(runtime, node, taking, ({ payload }) => answered(payload))
  return {
    flood: async (bytes, count) => {
      const answer = new Promise<Uint8Array>((resolve) => (answered = resolve))
      await runtime.runPromise(Effect.gen(function*() {
        const batch = new Array<Uint8Array>(Math.ceil(batchBytes / bytes.length)).fill(bytes)
        for (let left = count; left > 0; left -= batch.length) {
          yield* node.sendAll(peer, topics.counted, left < batch.length ? batch.slice(0, left) : batch)
        }
        yield* node.send(peer, topics.answered, message("asked", 1))
      }))
      return readCount(await answer)
    },
    roundTrips: (bytes, count) =>
      new Promise((resolve, reject) => {
        const send = () => {
          if (!node.offer(peer, topics.answered, bytes)) reject(new Error("a message found no space"))
        }
        const times: Array<number> = []
        let began = performance.now()
        answered = () => {
          const now = performance.now()
          times.push(1_000 * (now - began))
          began = now
          if (times.length === count) resolve(times)
          else send()
        }
        send()
      })
  }
}
