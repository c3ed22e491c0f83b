/**
 * A peer-to-peer node: the whole, built from the other services.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Direction, NodeEvent, Trust } from "../domain/NodeEvent.js"
import type { NodeId } from "../domain/NodeId.js"
import type { PeerId } from "../domain/PeerId.js"
import type { PeerState } from "../domain/PeerState.js"
import { type Reason, textOf } from "../domain/Reason.js"
import type { Explanation, Verdict } from "./ConnectionGuard.js"

/**
 * A peer that proved its key: one with a session, or one whose session ended less than a minute ago.
 *
 * @since 0.1.0
 */
export interface Peer {
  readonly id: PeerId
  /** What it calls itself; signed by its key. */
  readonly nodeId: NodeId
  /** `Connected` or `Stale` with a session, else `Disconnected`. */
  readonly state: PeerState
  /** Why it is in that state. */
  readonly reason: Reason
  readonly trust: Trust
  readonly direction: Direction
  /** The other end's address of the session. */
  readonly endpoint: Endpoint
  /** The session's hash in hexadecimal, the same at both ends. */
  readonly session: string
  readonly capabilities: Readonly<Record<string, string>>
  /** The last round trip, in milliseconds, once a Ping has come back. */
  readonly rttMillis: Option.Option<number>
}

/** A message that a peer sent. @since 0.1.0 */
export interface Message {
  readonly from: PeerId
  readonly nodeId: NodeId
  /** At most 64 bytes of UTF-8, by the rule of a node id; may be empty. */
  readonly topic: string
  /** Bytes of the payload. */
  readonly size: number
  /** A view of what came, made anew each time that it is asked for. */
  readonly payload: Uint8Array
}

/**
 * A dial that did not become a session.
 *
 * @since 0.1.0
 */
export class ConnectError extends Data.TaggedError("ConnectError")<{
  readonly endpoint: Endpoint
  /** Why: how the attempt ended, or what the guard said. */
  readonly reason: Reason | Exclude<Verdict, "dial">
  /**
   * Milliseconds until the endpoint may be dialled again. 0: no time stands against it. Infinity: never, for it is this
   * very node, or this node dials nobody or has stopped.
   */
  readonly retryInMillis: number
}> {
  constructor(given: Pick<ConnectError, "endpoint" | "reason" | "retryInMillis">) {
    super(hopeless.has(given.reason) ? { ...given, retryInMillis: Number.POSITIVE_INFINITY } : given)
  }

  override get message(): string {
    return `${this.endpoint}: ${describe(this)}`
  }
}

/** Not the guard's to say, whose verdicts are told in events: JSON has no Infinity. */
const hopeless: ReadonlySet<ConnectError["reason"]> = new Set([
  "self",
  "SelfConnection",
  "NotDialling",
  "Stopped"
])

const describe = ({ reason, retryInMillis }: ConnectError): string => {
  switch (reason) {
    case "deduplicated":
    case "in flight":
      return "a dial to this endpoint is under way already"
    case "backing off":
      return `the endpoint failed a moment ago; try again in ${retryInMillis} ms`
    case "self":
      return textOf("SelfConnection")
    case "connected":
      return "a session with this peer exists already"
    case "limit":
      return "too many endpoints are in use; raise `limits.endpoints`"
    default:
      return textOf(reason)
  }
}

/**
 * A message that was not sent.
 *
 * @since 0.1.0
 */
export class SendError extends Data.TaggedError("SendError")<{
  readonly peer: PeerId
  /**
   * `NoSession`, now or any more; `MessageTooLong` for its limit; `BadTopic` for more than 64 bytes, control or format
   * characters, line separators, or white space at an end.
   */
  readonly reason: "NoSession" | "MessageTooLong" | "BadTopic"
}> {
  override get message(): string {
    switch (this.reason) {
      case "NoSession":
        return `peer ${this.peer.slice(0, 16)} has no session; connect to it first`
      case "MessageTooLong":
        return "the message is longer than `limits.messageBytes`; send it in pieces"
      case "BadTopic":
        return "a topic has at most 64 bytes of UTF-8, no control or format characters, no line separators, and no white " +
          "space at its ends"
    }
  }
}

/** @since 0.1.0 */
export class Node extends Context.Tag("vix/Node")<Node, {
  /** Our own node id. */
  readonly id: NodeId
  /** Our own key. */
  readonly peerId: PeerId
  /** Where the node listens; the port that was taken if any would do. */
  readonly address: Endpoint
  /**
   * Dials an endpoint once, as a manual wish, and waits until there is a session with the peer there. Whoever stops
   * waiting does not stop the dial.
   */
  readonly connect: (endpoint: Endpoint) => Effect.Effect<Peer, ConnectError>
  /** Keeps an endpoint connected for as long as the scope is open: dialled through the guard, and again when lost. */
  readonly want: (endpoint: Endpoint) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Says goodbye to a peer and ends its session, or a dial to it that waits for its answer; false if there is neither.
   * A wanted endpoint is dialled again.
   */
  readonly disconnect: (peer: PeerId) => Effect.Effect<boolean>
  /** The peers with a session and those lost less than a minute ago. */
  readonly peers: Effect.Effect<ReadonlyArray<Peer>>
  /**
   * What happens from the moment of subscribing on; the first subscriber gets what came before it, too. Messages are
   * not among it: they have a stream of their own. What a slow consumer leaves beyond `Limits.mailboxEvents` is dropped.
   */
  readonly events: Stream.Stream<NodeEvent>
  /**
   * Hands a message to the session with a peer; at most once, in order. Waits while too much is queued for it.
   * Sent does not mean received. The payload must not be changed before this returns.
   */
  readonly send: (peer: PeerId, topic: string, payload: Uint8Array) => Effect.Effect<void, SendError>
  /**
   * Hands over messages of one topic as `send` would one after the other; cheaper where they are many and small.
   * Where it fails or is interrupted, the first ones may have gone.
   */
  readonly sendAll: (
    peer: PeerId,
    topic: string,
    payloads: ReadonlyArray<Uint8Array>
  ) => Effect.Effect<void, SendError>
  /**
   * Queues a message as `send` does, unless too much is queued for the peer already: false then, or if `send` would
   * fail. For whoever may not wait, such as the function of {@link receive}.
   */
  readonly offer: (peer: PeerId, topic: string, payload: Uint8Array) => boolean
  /**
   * The messages that come from the moment of subscribing on. What a slow consumer leaves beyond `Limits.mailboxBytes`
   * is dropped.
   */
  readonly messages: Stream.Stream<Message>
  /**
   * Hands every message that comes to a function, in the step in which it comes: no fiber, queue or stream stands in
   * between, nothing is dropped, and the function must return soon. Returns when the node has ended; dies of what the
   * function throws.
   */
  readonly receive: (take: (messages: ReadonlyArray<Message>) => void) => Effect.Effect<void>
  /** How many messages were dropped because nobody took them. */
  readonly messagesDropped: Effect.Effect<number>
  /** What the guard knows of an endpoint. */
  readonly explain: (endpoint: Endpoint) => Effect.Effect<Option.Option<Explanation>>
}>() {}
