/**
 * Byte streams between hosts: listening, dialling, and connections with back-pressure both ways.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../domain/Endpoint.js"
import { type Reason, textOf } from "../domain/Reason.js"

/**
 * A socket could not be opened or broke. `reason` is one of the socket rows of the table of reasons.
 *
 * @since 0.1.0
 */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly reason: Reason
  readonly endpoint: Endpoint
  /** What the system said. Never shown as it is; kept for whoever debugs. */
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.endpoint}: ${textOf(this.reason)}`
  }
}

/**
 * What is done with the bytes that come. Plain functions, called in the step in which the bytes come: neither a fiber
 * nor a queue stands between a socket and whoever understands its bytes.
 *
 * @since 0.1.0
 */
export interface Receiver<A> {
  /**
   * Takes a chunk, which is good until it returns: the next one may lie in the same memory. Anything but `undefined`
   * ends the receiving with it.
   */
  take(chunk: Uint8Array): A | undefined
  /** The outgoing buffer is below its mark again, after {@link Connection.write} said `false`. */
  drained?(): void
  /**
   * Called by every connection when the receiving begins, with a function that ends it from outside of any chunk; of no
   * effect once it has ended.
   */
  begun?(end: (said: A) => void): void
}

/**
 * One established stream of bytes. It is destroyed with the scope in which it was opened; what was written and
 * has not left by then is lost.
 *
 * @since 0.1.0
 */
export interface Connection {
  /** This end's address. IPv4 mapped into IPv6 is given as IPv4. */
  readonly local: Endpoint
  /** The other end's address, in the same form. */
  readonly remote: Endpoint
  /**
   * Hands on every chunk, whatever its size, until the receiver has something to say and gives that; none once the
   * other end has said that it writes no more. Nothing is read ahead beyond one chunk while nobody receives.
   * One fiber at a time does. What the receiver throws is a defect of that fiber.
   */
  readonly receive: <A>(receiver: Receiver<A>) => Effect.Effect<Option.Option<A>, TransportError>
  /**
   * Sends chunks in order, in one system call where the system permits. They must not be changed until `left` is called
   * with them: they are not looked at any more then, whether they were sent or not. `false` says that the outgoing
   * buffer is above its mark: a writer that has more waits until it is {@link drained}. On a connection that is over
   * nothing happens, not even that; how it ended is for {@link receive} and {@link drained} to say.
   */
  readonly write: (
    chunks: ReadonlyArray<Uint8Array>,
    left?: (chunks: ReadonlyArray<Uint8Array>) => void
  ) => boolean
  /**
   * Returns once the outgoing buffer is below its mark. Fails if the connection is over, with `BrokenPipe` if we have
   * written behind our own {@link end}.
   */
  readonly drained: Effect.Effect<void, TransportError>
  /** Lets everything written go out, then says that we write no more. Returns when that has left. Reading goes on. */
  readonly end: Effect.Effect<void, TransportError>
  /** Drops the connection at once: the other end sees a reset. It may be called again. */
  readonly abort: () => void
}

/**
 * What a listener does with newcomers.
 *
 * @since 0.1.0
 */
export interface Reception {
  /**
   * Asked with the address of a newcomer before anything is made for it; a refused one is dropped at once. It is a
   * plain function because it must cost nothing.
   */
  readonly admit: (remote: Endpoint) => boolean
  /** Runs once for each admitted connection, in a fiber and a scope of its own; the connection ends with it. */
  readonly handle: (connection: Connection) => Effect.Effect<void>
}

/** @since 0.1.0 */
export interface ListenOptions {
  /** Address to listen on; without one, all addresses, IPv4 and IPv6. */
  readonly host?: string | undefined
  /** 1 to 65,535, or 0 for any free port. */
  readonly port: number
}

/** @since 0.1.0 */
export class Transport extends Context.Tag("vix/Transport")<Transport, {
  /**
   * Opens a port and receives connections on it until the scope closes; returns the address it got. Fails with
   * `PortInUse`, `PermissionDenied`, `AddressNotAvailable`, `NameNotFound` or `TransportFailed`.
   */
  readonly listen: (
    options: ListenOptions,
    reception: Reception
  ) => Effect.Effect<Endpoint, TransportError, Scope.Scope>
  /** Opens a connection that lives in the scope. It has no time limit of its own; interrupting it cancels the dial. */
  readonly dial: (endpoint: Endpoint) => Effect.Effect<Connection, TransportError, Scope.Scope>
}>() {}
