/** A small gossip: what one node says, all get to hear, from whoever has heard it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Node, type PeerId, PeerState } from "vix"

export class Chat extends Context.Tag("Chat")<Chat, {
  /** Tells everybody. */
  readonly say: (text: string) => Effect.Effect<void>
  /** All that was said or heard, sorted. */
  readonly heard: Effect.Effect<ReadonlyArray<string>>
}>() {}

const topic = "chat"

interface Manners {
  /** Whether a peer that has just come is told all that it may have missed. */
  readonly catchesUp: boolean
}

const make = ({ catchesUp }: Manners): Effect.Effect<typeof Chat.Service, never, Node.Node | Scope.Scope> =>
  Effect.gen(function*() {
    const node = yield* Node.Node
    const rumours = new Set<string>()

    // A message that is lost with its session is sent again in the next one.
    const tell = (peer: PeerId.PeerId, text: string) =>
      Effect.ignore(node.send(peer, topic, new TextEncoder().encode(text)))

    const tellOthers = (text: string, from?: PeerId.PeerId) =>
      Effect.flatMap(node.peers, (peers) =>
        Effect.forEach(
          peers.filter(({ id, state }) => id !== from && PeerState.isLive(state)),
          ({ id }) => tell(id, text),
          { discard: true }
        ))

    const hear = (text: string, from?: PeerId.PeerId) =>
      Effect.suspend(() => {
        if (rumours.has(text)) return Effect.void
        rumours.add(text)
        return tellOthers(text, from)
      })

    yield* Effect.forkScoped(
      Stream.runForEach(
        node.messages,
        (message) =>
          message.topic === topic
            ? hear(new TextDecoder().decode(message.payload), message.from)
            : Effect.void
      )
    )

    if (catchesUp) {
      yield* Effect.forkScoped(Stream.runForEach(node.events, (event) => {
        const isNew = event.ev === "peer.state" && event.from === "Handshaking" && event.to === "Connected"
        if (!isNew || event.peer === undefined) return Effect.void
        const peer = event.peer as PeerId.PeerId
        return Effect.forEach([...rumours], (text) => tell(peer, text), { discard: true })
      }))
    }

    return { say: (text) => hear(text), heard: Effect.sync(() => [...rumours].sort()) }
  })

export const layer: Layer.Layer<Chat, never, Node.Node> = Layer.scoped(Chat, make({ catchesUp: true }))

/** With a bug: what is said while a peer is away, it never hears. */
export const forgetful: Layer.Layer<Chat, never, Node.Node> = Layer.scoped(Chat, make({ catchesUp: false }))
