/**
 * Talk between the nodes of a world, by which it shows that messages come whole, in order, once each and from whom
 * they name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as PeerState from "../domain/PeerState.js"
import { Node, type Peer } from "../services/Node.js"
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
    if (said.size > remembered) keep(said, peers)
    const isLong = (yield* random.next) < long
    const size = yield* random.nextIntBetween(0, isLong ? longestBytes : 200)
    // Sent does not mean received: a message that is lost with its session is no concern here.
    yield* Effect.ignore(node.send(peer.id, topic, encode(peer.session, node.peerId, number, size)))
  }
})

/** Listens to what the others say, for ever. @since 0.1.0 */
export const listen = (hear: (broken: Broken) => void): Effect.Effect<void, never, Node> =>
  Effect.flatMap(Node, (node) => {
    const heard = new Map<string, Heard>()
    return Stream.runForEachChunk(node.messages, (messages) =>
      Effect.sync(() => {
        for (const { from, payload, topic: about } of messages) {
          if (about === topic) hear(judge(heard, from, payload))
        }
      }))
  })

/** Sessions of which the numbers are remembered. */
const remembered = 1_024

const head = 32 + 32 + 4 + 4

/** The session, who speaks, the number of the message in the session, its size, and as many bytes as that. */
const encode = (session: string, speaker: string, number: number, size: number): Uint8Array => {
  const bytes = Buffer.alloc(head + size, number & 0xff)
  bytes.write(session + speaker, 0, "hex")
  bytes.writeUInt32BE(number, 64)
  bytes.writeUInt32BE(size, 68)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** What has come in a session. */
interface Heard {
  /** The number of the last message. */
  readonly last: number
  /** Whether the one before it is missing. */
  readonly gap: boolean
}

const judge = (heard: Map<string, Heard>, from: string, payload: Uint8Array): Broken => {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const session = bytes.toString("hex", 0, 32)
  const number = bytes.length < head ? 0 : bytes.readUInt32BE(64)
  const whole = bytes.length >= head && bytes.readUInt32BE(68) === bytes.length - head &&
    bytes.subarray(head).equals(Buffer.alloc(bytes.length - head, number & 0xff))
  if (!whole) return broken("messages", `a message of ${short(from)} did not come whole`)
  const speaker = bytes.toString("hex", 32, 64)
  if (speaker !== from) {
    return broken("messages", `a message of ${short(speaker)} came under the name of ${short(from)}`)
  }
  const { gap, last } = heard.get(session) ?? { gap: false, last: 0 }
  // Whoever has just begun to listen does not know where it began.
  heard.set(session, { last: number, gap: last > 0 && number > last + 1 })
  if (heard.size > remembered) forget(heard)
  if (number <= last) {
    return broken(
      "messages",
      `message ${number} of ${short(from)} came behind ${last} in session ${short(session)}`
    )
  }
  // A last message may leave in the session that has just taken the place of its own: only what follows shows a loss.
  return gap
    ? broken("messages", `message ${last - 1} of ${short(from)} is lost in session ${short(session)}`)
    : undefined
}

/** Keeps the numbers of the sessions that live. */
const keep = (said: Map<string, number>, peers: ReadonlyArray<Peer>): void => {
  const live = new Set(peers.map(({ session }) => session))
  for (const session of said.keys()) if (!live.has(session)) said.delete(session)
}

const forget = (heard: Map<string, Heard>): void => {
  const [oldest] = heard.keys()
  if (oldest !== undefined) heard.delete(oldest)
}
