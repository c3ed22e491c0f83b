/**
 * Talk between the nodes of a world, by which it shows that messages come whole, in order and at most once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as PeerState from "../domain/PeerState.js"
import { Node } from "../services/Node.js"
import { type Broken, broken, short } from "./Ledger.js"

const topic = "vix/chatter"

/** Milliseconds between two messages of a node, at most. */
const pauseMillis = 4_000

/** Bytes of the longest message: more than goes into one frame. */
const longestBytes = 100_000

/** The fraction of messages that are long. */
const long = 0.05

/** Says something to one peer after the other, for ever. @since 0.1.0 */
export const talk: Effect.Effect<never, never, Node> = Effect.gen(function*() {
  const node = yield* Node
  const random = yield* Effect.random
  const said = new Map<string, number>()
  while (true) {
    yield* Effect.sleep(yield* random.nextIntBetween(1, pauseMillis))
    const peers = (yield* node.peers).filter(({ state }) => PeerState.isLive(state))
    const peer = peers[yield* random.nextIntBetween(0, Math.max(1, peers.length))]
    if (peer === undefined) continue
    const number = (said.get(peer.session) ?? 0) + 1
    said.set(peer.session, number)
    if (said.size > remembered) forget(said)
    const isLong = (yield* random.next) < long
    const size = yield* random.nextIntBetween(0, isLong ? longestBytes : 200)
    // Sent does not mean received: a message that is lost with its session is no concern here.
    yield* Effect.ignore(node.send(peer.id, topic, encode(peer.session, number, size)))
  }
})

/** Listens to what the others say, for ever. @since 0.1.0 */
export const listen = (hear: (broken: Broken) => void): Effect.Effect<void, never, Node> =>
  Effect.flatMap(Node, (node) => {
    const heard = new Map<string, number>()
    return Stream.runForEachChunk(node.messages, (messages) =>
      Effect.sync(() => {
        for (const { from, payload, topic: about } of messages) {
          if (about === topic) hear(judge(heard, from, payload))
        }
      }))
  })

/** Sessions of which the numbers are remembered. */
const remembered = 1_024

const head = 64 + 4 + 4

/** The session, the number of the message in it, its size, and as many bytes as that. */
const encode = (session: string, number: number, size: number): Uint8Array => {
  const bytes = Buffer.alloc(head + size, number & 0xff)
  bytes.write(session, 0, "latin1")
  bytes.writeUInt32BE(number, 64)
  bytes.writeUInt32BE(size, 68)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

const judge = (heard: Map<string, number>, from: string, payload: Uint8Array): Broken => {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const session = bytes.toString("latin1", 0, 64)
  const number = bytes.length < head ? 0 : bytes.readUInt32BE(64)
  const whole = bytes.length >= head && bytes.readUInt32BE(68) === bytes.length - head &&
    bytes.subarray(head).equals(Buffer.alloc(bytes.length - head, number & 0xff))
  if (!whole) return broken("messages", `a message of ${short(from)} did not come whole`)
  const last = heard.get(session) ?? 0
  heard.set(session, number)
  if (heard.size > remembered) forget(heard)
  return number > last
    ? undefined
    : broken(
      "messages",
      `message ${number} of ${short(from)} came behind ${last} in session ${short(session)}`
    )
}

const forget = (numbers: Map<string, number>): void => {
  const [oldest] = numbers.keys()
  if (oldest !== undefined) numbers.delete(oldest)
}
