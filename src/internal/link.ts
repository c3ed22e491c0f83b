/**
 * One connection to a peer, from the dial or the accept to its end: its state, its session, what waits to be sent.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Direction, Origin, Trust } from "../domain/NodeEvent.js"
import type { PeerState } from "../domain/PeerState.js"
import type { CloseReason, Reason } from "../domain/Reason.js"
import type { Proven } from "../protocol/Handshake.js"
import type { ConnectError, Peer } from "../services/Node.js"
import type { Connection, Receiver } from "../services/Transport.js"
import type { Exchange } from "./exchange.js"
import { Once } from "./once.js"
import { Signal } from "./signal.js"

/** Why a connection ends, who ends it, and what is said to the other end, if anything. */
export interface Ending {
  readonly reason: Reason
  readonly origin: Origin
  readonly detail?: string
  readonly goodbye?: CloseReason
  /** The bug behind it, to be logged. */
  readonly defect?: unknown
}

/** We end the connection without a word. */
export const drop = (reason: Reason): Ending => ({ reason, origin: "local" })

/** We end the session and say why. */
export const close = (reason: CloseReason): Ending => ({ reason, origin: "local", goodbye: reason })

/** A bug of ours ends the session. */
export const died = (defect: unknown): Ending => ({ ...close("Internal"), defect })

/** The other end or the network ended the connection. */
export const gone = (reason: Reason, detail?: string): Ending => ({
  reason,
  origin: "remote",
  ...(detail === undefined || detail === "" ? {} : { detail })
})

export class Link implements Receiver<Ending> {
  /** Number of the connection within this process. */
  readonly conn: number
  readonly direction: Direction
  /** The endpoint that was dialled, or the address that dialled us. */
  readonly endpoint: Endpoint
  state: PeerState = "Disconnected"
  /** Why it is in that state. */
  reason: Reason = "Dialling"
  connection: Connection | undefined
  /** What is done with a chunk for now, by the handshake and then by the session; says how the connection ends. */
  stage: (chunk: Uint8Array) => Ending | undefined = () => undefined
  /** The peer, once its key is proven. */
  proven: Proven | undefined
  trust: Trust = "any"
  /** The session at work, once there is one. */
  exchange: Exchange | undefined
  /** The key of our Hello while it waits for its answer. */
  hello: Uint8Array | undefined
  /** Writers that hold the turn or wait for it. */
  writers = 0
  /** Monotonic milliseconds. */
  lastHeardMillis = 0
  nextPingMillis = 0
  /** From when on a Ping may go along with a Pong. */
  pingFromMillis = Number.POSITIVE_INFINITY
  rttMillis: Option.Option<number> = Option.none()
  /** How it ends, though it may still look alive: the first ending, whatever comes later changes nothing. */
  ending: Ending | undefined
  /** Dials, waits for the end and says goodbye. */
  worker: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** Done when the connection is Connected, or ended before. */
  readonly opened = new Once<Peer, ConnectError>()
  /** Done when the state is Closed, with the milliseconds that a redial has to wait. */
  readonly closed = new Once<number>()
  /** Done when the goodbye is said and the connection cleared away. */
  readonly gone = new Once<void>()
  /** Ends the receiving, once it has begun. */
  #say: ((ending: Ending) => void) | undefined
  #space: Signal | undefined
  #turn: Effect.Semaphore | undefined

  constructor(conn: number, direction: Direction, endpoint: Endpoint) {
    this.conn = conn
    this.direction = direction
    this.endpoint = endpoint
  }

  /** Its end has begun. */
  get over(): boolean {
    return this.ending !== undefined
  }

  /** Raised when writers need not wait any more. */
  get space(): Signal {
    return this.#space ??= new Signal()
  }

  /** Held by the one writer whose message goes out part by part, and by those behind it. */
  get turn(): Effect.Semaphore {
    return this.#turn ??= Effect.unsafeMakeSemaphore(1)
  }

  /** Writers look again whether there is space. */
  spread(): void {
    this.#space?.raise()
  }

  take(chunk: Uint8Array): Ending | undefined {
    return this.stage(chunk)
  }

  begun(say: (ending: Ending) => void): void {
    if (this.ending === undefined) this.#say = say
    else say(this.ending)
  }

  drained(): void {
    this.exchange?.drained()
  }

  /** Cuts the goodbye off. */
  hush(): void {
    this.worker?.unsafeInterruptAsFork(FiberId.none)
  }

  /** Ends the connection; the first ending stands. */
  end(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    // A fiber that is interrupted could not wait for a goodbye any more: that is for before there is a session.
    if (this.#say === undefined) this.worker?.unsafeInterruptAsFork(FiberId.none)
    else this.#say(ending)
    // Writers that wait for space find no session any more.
    this.spread()
  }
}
