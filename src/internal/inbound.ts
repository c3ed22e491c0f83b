/**
 * An accepted connection: the responder's half of the handshake, driven over it.
 */
import type * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type * as Option from "effect/Option"
import type { Proven } from "../protocol/Handshake.js"
import { Responder } from "../protocol/Responder.js"
import type { Connection, TransportError } from "../services/Transport.js"
import { type Core, now } from "./core.js"
import { Exchange } from "./exchange.js"
import { converse, establish } from "./lifecycle.js"
import { close, drop, type Ending, type Link } from "./link.js"
import { nonceBytes } from "./nonces.js"
import { check, refuse, settle } from "./policy.js"

/** Answers a dial within the time limit, and goes on until the session ends. */
export const accept = (
  core: Core,
  link: Link,
  connection: Connection
): Effect.Effect<Option.Option<Ending>, TransportError> => converse(core, link, connection, respond)

/** What is done with each chunk. */
const respond = (core: Core, link: Link, connection: Connection): Link["stage"] => {
  const responder = new Responder(core.party, core.ephemerals.gate((dial) => isSelf(dial, connection)))
  const take = (chunk: Uint8Array): Ending | undefined => {
    const step = responder.receive(chunk, now(core))
    switch (step._tag) {
      case "More":
        return undefined
      case "Rejected":
        return drop(step.reason)
      case "Hello":
        core.admission.helloValid(link.conn)
        if (!core.admission.helloAck(connection.remote.host, now(core))) return drop("Busy")
        connection.write([responder.reply(core.entropy.keyAgreement())])
        return take(nothing)
      case "Proven":
        return welcome(core, link, connection, responder, step.peer)
    }
  }
  return take
}

/** Begins the session, if the peer is wanted; either way it learns of it. */
const welcome = (
  core: Core,
  link: Link,
  connection: Connection,
  responder: Responder,
  proven: Proven
): Ending | undefined => {
  const refusal = check(core, link, proven) ?? settle(core, link, proven, proven.connSeq)
  const exchange = new Exchange(core, link, connection, responder.accept(), proven)
  link.exchange = exchange
  if (refusal !== undefined) return refuse(core, proven, close(refusal.reason))
  establish(core, link, proven)
  link.stage = (chunk) => exchange.take(chunk)
  exchange.ping(core.entropy.bytes(nonceBytes))
  return exchange.take()
}

/**
 * Whether this connection is the other end of our own dial. Either way that dial is over: it met this node itself,
 * or somebody sends our Hello back to us.
 */
const isSelf = (dial: Link, connection: Connection): boolean => {
  const other = dial.connection
  const self = other !== undefined && Equal.equals(other.local, connection.remote) &&
    Equal.equals(other.remote, connection.local)
  dial.end(drop(self ? "SelfConnection" : "Reflection"))
  return self
}

const nothing = new Uint8Array(0)
