/**
 * One connection to a peer, from the dial or the accept to its end: its state, its session, what waits to be sent.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Direction, Origin, Trust } from "../domain/NodeEvent.js"
import type { PeerState } from "../domain/PeerState.js"
import type { CloseReason, Reason } from "../domain/Reason.js"
import type { Proven } from "../protocol/Handshake.js"
import { Outbox } from "../protocol/Outbox.js"
import type { Session } from "../protocol/Session.js"
import type { ConnectError, Peer } from "../services/Node.js"
import type { Connection } from "../services/Transport.js"
import { Signal } from "./signal.js"

/** Why a connection ends, who ends it, and what is said to the other end, if anything. */
export interface Ending {
  readonly reason: Reason
  readonly origin: Origin
  readonly detail?: string
  readonly goodbye?: CloseReason
}

/** We end the connection without a word. */
export const drop = (reason: Reason): Ending => ({ reason, origin: "local" })

/** We end the session and say why. */
export const close = (reason: CloseReason): Ending => ({ reason, origin: "local", goodbye: reason })

/** The other end or the network ended the connection. */
export const gone = (reason: Reason, detail?: string): Ending => ({
  reason,
  origin: "remote",
  ...(detail === undefined || detail === "" ? {} : { detail })
})

/** A Ping that was sent and has not come back. */
interface PendingPing {
  readonly data: Uint8Array
  readonly sentNanos: bigint
}

export class Link {
  /** Number of the connection within this process. */
  readonly conn: number
  readonly direction: Direction
  /** The endpoint that was dialled, or the address that dialled us. */
  readonly endpoint: Endpoint
  state: PeerState = "Disconnected"
  /** Why it is in that state. */
  reason: Reason = "Dialling"
  connection: Connection | undefined
  /** The peer, once its key is proven. */
  proven: Proven | undefined
  trust: Trust = "any"
  session: Session | undefined
  readonly outbox = new Outbox()
  /** Raised when something waits to be sent. */
  readonly work = new Signal()
  /** Open while writers need not wait. */
  readonly space = Effect.unsafeMakeLatch(true)
  /** Held by the one writer whose message goes out part by part, and by those behind it. */
  readonly turn = Effect.unsafeMakeSemaphore(1)
  /** Writers that hold or wait for the turn. */
  writers = 0
  /** A Ping asks whether the peer lives, since another one claims its node id. */
  challenged = false
  /** Monotonic milliseconds. */
  lastHeardMillis = 0
  /** Frames of the peer that opened. */
  framesHeard = 0
  nextPingMillis = 0
  ping: PendingPing | undefined
  rttMillis: Option.Option<number> = Option.none()
  /** How it ends, though it may still look alive: the first ending, whatever comes later changes nothing. */
  ending: Ending | undefined
  /** Shakes hands and reads, until the connection ends. */
  worker: Fiber.RuntimeFiber<void> | undefined
  /** Done when the dial is Connected, or ended before. */
  readonly opened = Deferred.unsafeMake<Peer, ConnectError>(FiberId.none)
  /** Done when the state is Closed, with the milliseconds that a redial has to wait. */
  readonly closed = Deferred.unsafeMake<number>(FiberId.none)

  /** Done when the goodbye is said and the connection cleared away. */
  readonly gone = Deferred.unsafeMake<void>(FiberId.none)

  constructor(conn: number, direction: Direction, endpoint: Endpoint) {
    this.conn = conn
    this.direction = direction
    this.endpoint = endpoint
  }

  /** Its end has begun. */
  get over(): boolean {
    return this.ending !== undefined
  }

  /** Ends the connection; the first ending stands. */
  end(ending: Ending): void {
    this.ending ??= ending
    this.worker?.unsafeInterruptAsFork(FiberId.none)
    // Writers that wait for space find no session any more.
    this.space.unsafeOpen()
  }
}
