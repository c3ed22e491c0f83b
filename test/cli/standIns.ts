import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { UsageError } from "../../src/cli/commandLine.js"
import { type Invocation, parse } from "../../src/cli/parse.js"
import type { Terminal } from "../../src/cli/terminal.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import type { PeerId } from "../../src/domain/PeerId.js"
import { Hub } from "../../src/internal/hub.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import { type Message, Node } from "../../src/services/Node.js"
import type { Settings } from "../../src/services/NodeConfig.js"
import { Stats } from "../../src/services/Stats.js"

/** Words of a line without quotation marks. */
export const words = (line: string): ReadonlyArray<string> => line.split(/\s+/).filter((word) => word !== "")

export const tryParse = (argv: ReadonlyArray<string>): Either.Either<Invocation, UsageError> =>
  Effect.runSync(Effect.either(parse(argv)))

/** Parses what follows `vix p2p`, which must be right. */
export const parsed = (line: string): Invocation => Either.getOrThrow(tryParse(words(line)))

/** What is wrong with what follows `vix p2p`, which must be wrong. */
export const problems = (...argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  Either.getOrThrow(Either.flip(tryParse(argv))).problems

export const minimal = "--id A --listen 9001"

export const key = "a1".repeat(32) as PeerId

/** A terminal that keeps what is written to it. */
export const terminal = (
  options: {
    readonly tty?: boolean
    readonly ansi?: boolean
    readonly dumb?: boolean
    readonly columns?: number
  } = {}
) => {
  const { ansi = true, columns = 80, dumb = false, tty = false } = options
  const state = {
    stdout: "",
    stderr: "",
    columns,
    waiting: 0,
    resized: () => {},
    restore: () => {},
    again: () => {}
  }
  const out = (name: "stdout" | "stderr"): Terminal["stdout"] => ({
    isTTY: tty,
    columns: () => state.columns,
    write: (text) => {
      state[name] += text
    },
    waiting: () => state.waiting,
    onResize: (changed) => {
      state.resized = changed
      return () => {
        state.resized = () => {}
      }
    }
  })
  const given: Terminal = {
    stdout: out("stdout"),
    stderr: out("stderr"),
    ansi,
    dumb,
    broken: Effect.never,
    drained: Effect.suspend(() => state.waiting === 0 ? Effect.void : Effect.fail("not yet")).pipe(
      Effect.retry(Schedule.spaced(5)),
      Effect.orDie
    ),
    onLeave: (restore, again) => {
      Object.assign(state, { restore, again })
      return () => {
        Object.assign(state, { restore: () => {}, again: () => {} })
      }
    }
  }
  return { state, terminal: given }
}

const unused = Effect.dieMessage("not given to this stand-in")

/** A node of which only the events and messages are there; they are put in by the test. Its counters are real ones. */
export const node = (settings: Pick<Settings, "id">) => {
  const events = new Hub<NodeEvent>({ limit: 64, early: 64, sizeOf: () => 1 })
  const messages = new Hub<Message>({ limit: 64, early: 0, sizeOf: () => 1 })
  const address = Endpoint.make("127.0.0.1", 9001)
  const service: Node["Type"] = {
    id: settings.id,
    peerId: key,
    address,
    connect: () => unused,
    want: () => unused,
    disconnect: () => unused,
    peers: unused,
    events: events.stream,
    send: () => unused,
    sendAll: () => unused,
    offer: () => false,
    messages: messages.stream,
    receive: () => unused,
    messagesDropped: unused,
    explain: () => unused
  }
  const layer = Layer.scoped(
    Node,
    Effect.gen(function*() {
      events.publish({ ev: "listening", atMillis: 0, address: address.host, port: address.port, key })
      yield* Effect.addFinalizer(() =>
        Effect.zipRight(
          // A node that has closed its peers counts none.
          Effect.map(Stats, (stats) => stats.setPeers(0, 0)),
          Effect.sync(() => {
            events.publish({ ...connected, from: "Connected", to: "Closed", reason: "Stopped" })
            events.end()
            messages.end()
          })
        )
      )
      return service
    })
  )
  return { events, messages, layer: Layer.provideMerge(layer, StandardStats.layer) }
}

/** The event of a peer that came. */
export const connected: Extract<NodeEvent, { readonly ev: "peer.state" }> = {
  ev: "peer.state",
  atMillis: 0,
  conn: 1,
  direction: "inbound",
  endpoint: "127.0.0.1:9002",
  peer: key,
  nodeId: NodeId.make("B"),
  trust: "any",
  session: "00".repeat(32),
  from: "Handshaking",
  to: "Connected",
  reason: "Established",
  origin: "local"
}
