/**
 * A dial: the TCP connection and the initiator's half of the handshake, driven over it.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Proven } from "../protocol/Handshake.js"
import { Initiator } from "../protocol/Initiator.js"
import type { Connection, TransportError } from "../services/Transport.js"
import { type Core, move, now } from "./core.js"
import { Exchange } from "./exchange.js"
import { answered, converse, establish } from "./lifecycle.js"
import { close, drop, type Ending, type Link } from "./link.js"
import { check, refuse, settle, tellConflict } from "./policy.js"

/** Dials an endpoint, shakes hands, each within its time limit, and goes on until the session ends. */
export const dial = (
  core: Core,
  link: Link
): Effect.Effect<Option.Option<Ending>, TransportError, Scope.Scope> => {
  core.deadlines.dial.begin(link, now(core), () => link.end(drop("ConnectTimeout")))
  return Effect.flatMap(core.transport.dial(link.endpoint), (connection) => {
    core.deadlines.dial.met(link)
    move(core, link, "Handshaking", "TcpEstablished")
    return converse(core, link, connection, initiate)
  })
}

/** Says Hello; then what is done with each chunk. */
const initiate = (core: Core, link: Link, connection: Connection): Link["stage"] => {
  const ephemeral = core.entropy.keyAgreement()
  const initiator = new Initiator(core.party, ephemeral)
  link.hello = ephemeral.publicKey
  core.ephemerals.add(ephemeral.publicKey, link)
  connection.write([initiator.hello])
  return (chunk) => {
    const step = initiator.receive(chunk)
    switch (step._tag) {
      case "More":
        return undefined
      case "Rejected":
        return drop(step.reason)
      case "Proven":
        return finish(core, link, connection, initiator, step.peer)
    }
  }
}

/** The commit point, if the peer is wanted. */
const finish = (
  core: Core,
  link: Link,
  connection: Connection,
  initiator: Initiator,
  proven: Proven
): Ending | undefined => {
  answered(core, link)
  const connSeq = core.table.nextConnSeq()
  const refusal = check(core, link, proven) ?? settle(core, link, proven, connSeq)
  if (refusal !== undefined && !refusal.answer) return refuse(core, proven, drop(refusal.reason))
  const seenSeq = core.table.seenSeq(proven.peerId, proven.instance)
  const { frame, session } = initiator.finish({ connSeq, seenSeq })
  const exchange = new Exchange(core, link, connection, session, proven)
  link.exchange = exchange
  connection.write([frame])
  if (refusal !== undefined) return refuse(core, proven, close(refusal.reason))
  link.stage = (chunk) => confirm(core, link, exchange, proven, chunk)
  return link.stage(nothing)
}

/** Until the first sealed frame: anything but Close means that the responder accepted. */
const confirm = (
  core: Core,
  link: Link,
  exchange: Exchange,
  proven: Proven,
  chunk: Uint8Array
): Ending | undefined => {
  const ending = exchange.open(chunk)
  if (exchange.session.opened > 0) {
    if (!exchange.refused) {
      // While we waited, another peer may have come in under the same name.
      const holder = core.table.holderOf(proven.nodeId)
      if (holder !== undefined && holder !== proven.peerId) {
        tellConflict(core, link, proven, "NodeIdConflict")
        return refuse(core, proven, close("NodeIdConflict"))
      }
      establish(core, link, proven)
    } else if (ending !== undefined) tellConflict(core, link, proven, ending.reason)
    link.stage = (chunk) => exchange.take(chunk)
  }
  exchange.hand()
  return ending
}

const nothing = new Uint8Array(0)
