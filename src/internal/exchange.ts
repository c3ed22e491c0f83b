/**
 * A session at work: what comes becomes messages and answers, what waits is sealed and written. All of it happens in
 * the step that brings the bytes or at the end of the one that queued something; no fiber stands in between.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Liveness from "../domain/Liveness.js"
import { classOf, type CloseReason, codeOf } from "../domain/Reason.js"
import * as Envelope from "../protocol/Envelope.js"
import type { Proven } from "../protocol/Handshake.js"
import * as Message from "../protocol/Message.js"
import { Outbox } from "../protocol/Outbox.js"
import type { Session, Sink } from "../protocol/Session.js"
import type { Connection, TransportError } from "../services/Transport.js"
import { type Core, move, now, publish } from "./core.js"
import { close, died, drop, type Ending, gone, type Link } from "./link.js"
import { Joined, Received } from "./received.js"
import { release } from "./release.js"

/** A Ping that was sent and has not come back. */
interface PendingPing {
  readonly data: Uint8Array
  readonly sentNanos: bigint
}

/** What a connection does from its last handshake message on. */
export class Exchange implements Sink {
  readonly session: Session
  readonly outbox: Outbox
  readonly #core: Core
  readonly #link: Link
  readonly #connection: Connection
  readonly #proven: Proven
  /** Of the chunk at hand. */
  #messages: Array<Received> = []
  /** The peer has said Close. */
  #closed: Ending | undefined
  #ping: PendingPing | undefined
  /** What waits will be written at the end of this step, or is written by it. */
  #scheduled = false
  /** The socket takes no more for now. */
  #blocked = false

  constructor(core: Core, link: Link, connection: Connection, session: Session, proven: Proven) {
    this.#core = core
    this.#link = link
    this.#connection = connection
    this.#proven = proven
    this.session = session
    this.outbox = new Outbox(session)
  }

  /**
   * Opens what a chunk holds and keeps it until {@link hand}; says how the session ends, if it ends by it.
   */
  open(chunk: Uint8Array): Ending | undefined {
    const failure = this.session.receive(chunk, now(this.#core), this)
    if (this.#closed !== undefined || failure === undefined) return this.#closed
    return failure.answer ? close(failure.reason as CloseReason) : drop(failure.reason)
  }

  /** Whether the first frame of the peer was its Close: it has never accepted the session. */
  get refused(): boolean {
    return this.#closed !== undefined && this.session.opened === 1
  }

  /**
   * Opens what a chunk holds and hands it to whom it concerns; says how the session ends, if it ends by it. Without a
   * chunk that is done with what came too early for the handshake.
   */
  take(chunk: Uint8Array = nothing): Ending | undefined {
    const before = this.session.opened
    const scheduled = this.#scheduled
    this.#scheduled = true
    try {
      const ending = this.open(chunk)
      if (this.session.opened > before) this.#heard()
      this.hand()
      // What all this has queued goes out with it.
      if (ending === undefined && !scheduled && this.outbox.bytes > 0) this.flush()
      return ending
    } finally {
      this.#scheduled = scheduled
    }
  }

  /** Hands on the messages that were opened. */
  hand(): void {
    if (this.#messages.length === 0) return
    const messages = this.#messages
    this.#messages = []
    this.#core.messages.deliver(messages)
  }

  data(topic: string, bytes: Uint8Array, start: number, end: number): void {
    const { nodeId, peerId } = this.#proven
    this.#messages.push(new Received(peerId, nodeId, topic, bytes, start, end))
  }

  joined(topic: string, parts: ReadonlyArray<Uint8Array>): void {
    const { nodeId, peerId } = this.#proven
    this.#messages.push(new Joined(peerId, nodeId, topic, parts))
  }

  control(event: Parameters<Sink["control"]>[0]): void {
    switch (event._tag) {
      case "Ping":
        this.#offerControl(Envelope.types.Pong, event.data)
        return this.#joinPing()
      case "Pong":
        return this.#pong(event.data)
      case "Close":
        this.#closed = gone(event.reason, event.detail)
        return
      case "Ignored":
    }
  }

  /** Sends a Ping, 8 random bytes, whose return is measured. They decide when the next one is due, too. */
  ping(data: Uint8Array): void {
    const link = this.#link
    const { limits, table } = this.#core
    const at = now(this.#core)
    const sessions = Math.max(1, table.connected)
    link.nextPingMillis = at + Liveness.nextPingMillis(fraction(data), sessions, limits)
    link.pingFromMillis = at + Liveness.leastPingMillis(limits)
    this.#ping = { data, sentNanos: this.#core.clock.unsafeCurrentTimeNanos() }
    this.#offerControl(Envelope.types.Ping, data)
  }

  /** Queues a message, all its parts. */
  offerData(topic: string, payload: Uint8Array): void {
    this.outbox.offerData(topic, payload, this.#now)
    this.#queued()
  }

  /** Queues messages from an index on while they are short and writers need not wait; returns the index behind them. */
  offerShort(topic: string, payloads: ReadonlyArray<Uint8Array>, from: number): number {
    const to = this.outbox.offerShort(topic, payloads, from, this.#core.limits, this.#now)
    if (to > from) this.#queued()
    return to
  }

  /** Queues the part of a message that begins at an offset, and returns the offset behind it. */
  offerPart(topic: string, payload: Uint8Array, from: number): number {
    const to = this.outbox.offerPart(topic, payload, from, now(this.#core))
    this.#queued()
    return to
  }

  /** Whether writers need not wait. */
  get hasSpace(): boolean {
    return this.outbox.bytes < this.#core.limits.sendQueueSoftBytes
  }

  /** The socket takes more again. */
  drained(): void {
    this.#blocked = false
    this.flush()
  }

  /**
   * Says goodbye at once: what still waits goes out if nobody is to blame, and what is sealed in any case; then Close.
   * Returns the wait until the socket has drained and the other end writes no more. Whoever says it limits its time.
   */
  farewell(reason: CloseReason): Effect.Effect<unknown, TransportError> {
    if (classOf(reason) !== "none") this.outbox.abandon()
    const goodbye = Message.encodeClose(codeOf(reason), "")
    this.outbox.offerControl(Envelope.types.Close, goodbye, now(this.#core))
    this.#connection.write(this.outbox.flush(Number.POSITIVE_INFINITY))
    return Effect.zipRight(this.#connection.end, this.#connection.receive({ take: ignore }))
  }

  /** Queues a Ping or Pong; it does not wait for anything. */
  #offerControl(type: number, plaintext: Uint8Array): void {
    this.outbox.offerControl(type, plaintext, now(this.#core))
    this.#queued()
  }

  readonly #now = (): number => now(this.#core)

  /** A Ping that is due about now goes along with a Pong, in one frame: the pace of both ends falls into one. */
  #joinPing(): void {
    const nonce = now(this.#core) < this.#link.pingFromMillis ? undefined : this.#core.nonces.take()
    if (nonce !== undefined) this.ping(nonce)
  }

  #heard(): void {
    const link = this.#link
    link.lastHeardMillis = now(this.#core)
    if (link.state !== "Stale") return
    move(this.#core, link, "Connected", "Heard")
    this.#core.table.moved(this.#proven.peerId, link.conn, "Connected", link.lastHeardMillis)
  }

  #queued(): void {
    if (this.outbox.bytes > this.#core.limits.sendQueueHardBytes) this.#link.end(close("SlowPeer"))
    if (this.#scheduled || this.#blocked) return
    this.#scheduled = true
    this.#core.scheduler.scheduleTask(() => {
      this.#scheduled = false
      this.flush()
    }, 0)
  }

  /** Writes what waits, everything that has gathered since the last time at once. A defect in it ends the session. */
  flush(): void {
    const { sendQueueSoftBytes } = this.#core.limits
    try {
      // What waits at the end is the goodbye's.
      while (!this.#blocked && !this.#link.over && this.outbox.bytes > 0) {
        const pieces = this.outbox.flush(sendQueueSoftBytes)
        // What is short is one piece.
        this.#blocked = !this.#connection.write(pieces, pieces.length > 1 ? release : undefined)
      }
    } catch (defect) {
      this.#link.end(died(defect))
    }
    if (this.hasSpace) this.#link.spread()
  }

  #pong(data: Uint8Array): void {
    const ping = this.#ping
    if (ping === undefined || Buffer.compare(ping.data, data) !== 0) return
    this.#ping = undefined
    const rttMillis = Number(this.#core.clock.unsafeCurrentTimeNanos() - ping.sentNanos) / 1e6
    const { nodeId, peerId: peer } = this.#proven
    this.#link.rttMillis = Option.some(rttMillis)
    publish(this.#core, { ev: "peer.rtt", conn: this.#link.conn, peer, nodeId, rttMillis })
  }
}

/** At least 0 and less than 1. */
const fraction = ([a = 0, b = 0, c = 0, d = 0]: Uint8Array): number =>
  ((a << 24 | b << 16 | c << 8 | d) >>> 0) / 2 ** 32

const nothing = new Uint8Array(0)

const ignore = (): undefined => undefined
