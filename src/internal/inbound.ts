/**
 * An accepted connection: the responder's half of the handshake, driven over it.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { Responder } from "../protocol/Responder.js"
import type { Connection } from "../services/Transport.js"
import { type Core, now } from "./core.js"
import { Exchange } from "./exchange.js"
import { establish, listen } from "./lifecycle.js"
import { close, drop, type Ending, type Link } from "./link.js"
import { check, refuse, settle } from "./policy.js"

/** Answers a dial within the time limit. */
export const accept = (core: Core, link: Link, connection: Connection): Effect.Effect<Exchange, Ending> =>
  Effect.gen(function*() {
    link.connection = connection
    core.deadlines.handshake.begin(link, now(core), () => link.end(drop("HandshakeTimeout")))
    core.stats.increment("handshakes_started")
    const responder = new Responder(core.party, core.ephemerals.gate((dial) => isSelf(dial, connection)))
    const take = (chunk: Uint8Array) => {
      const step = responder.receive(chunk, now(core))
      return step._tag === "More" ? undefined : step
    }
    const greeted = yield* listen(connection, take)
    if (greeted._tag === "Rejected") return yield* Effect.fail(drop(greeted.reason))
    core.admission.helloValid(link.conn)
    if (!core.admission.helloAck(connection.remote.host, now(core))) return yield* Effect.fail(drop("Busy"))
    connection.write([responder.reply(yield* core.entropy.keyAgreement)])
    const finished = yield* listen(connection, take)
    if (finished._tag !== "Proven") {
      return yield* Effect.fail(drop(finished._tag === "Rejected" ? finished.reason : "Unexpected"))
    }
    const proven = finished.peer
    const refusal = check(core, link, proven) ?? settle(core, link, proven, proven.connSeq)
    const exchange = new Exchange(core, link, connection, responder.accept(), proven)
    link.exchange = exchange
    if (refusal !== undefined) return yield* refuse(core, proven, close(refusal.reason))
    establish(core, link, proven)
    exchange.ping(yield* core.entropy.bytes(8))
    const ending = exchange.take()
    return ending === undefined ? exchange : yield* Effect.fail(ending)
  })

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
