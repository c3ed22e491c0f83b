/**
 * An accepted connection: the responder's half of the handshake, driven over it.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { Proven } from "../protocol/Handshake.js"
import { Responder } from "../protocol/Responder.js"
import type { Connection } from "../services/Transport.js"
import { type Core, now } from "./core.js"
import { broken, ping } from "./established.js"
import { establish, type Opened, readUntil } from "./lifecycle.js"
import { close, drop, type Ending, type Link } from "./link.js"
import { check, settle } from "./policy.js"

/** Answers a dial within the time limit. */
export const accept = (core: Core, link: Link, connection: Connection): Effect.Effect<Opened, Ending> =>
  Effect.suspend(() => {
    link.connection = connection
    core.deadlines.handshake.begin(link, now(core), () => link.end(drop("HandshakeTimeout")))
    return Effect.zipRight(
      core.stats.increment("handshakes_started"),
      handshake(core, link, connection)
    )
  })

const handshake = (core: Core, link: Link, connection: Connection): Effect.Effect<Opened, Ending> =>
  Effect.gen(function*() {
    const responder = new Responder(core.party, core.ephemerals.gate((dial) => isSelf(dial, connection)))
    yield* hello(core, responder, connection)
    core.admission.helloValid(link.conn)
    if (!core.admission.helloAck(connection.remote.host, now(core))) return yield* Effect.fail(drop("Busy"))
    const ephemeral = yield* core.entropy.keyAgreement
    yield* Effect.mapError(connection.write([responder.reply(ephemeral)]), broken)
    const proven = yield* finish(core, responder, connection)
    const refusal = (yield* check(core, link, proven)) ?? settle(core, link, proven, proven.connSeq)
    const session = responder.accept()
    link.session = session
    if (refusal !== undefined) return yield* Effect.fail(close(refusal.reason))
    yield* establish(core, link, proven)
    yield* ping(core, link)
    return { connection, session }
  })

const hello = (core: Core, responder: Responder, connection: Connection): Effect.Effect<void, Ending> =>
  Effect.flatMap(
    next(core, responder, connection),
    (step) => step._tag === "Rejected" ? Effect.fail(drop(step.reason)) : Effect.void
  )

const finish = (core: Core, responder: Responder, connection: Connection): Effect.Effect<Proven, Ending> =>
  Effect.gen(function*() {
    const step = yield* next(core, responder, connection)
    if (step._tag === "Proven") return step.peer
    return yield* Effect.fail(drop(step._tag === "Rejected" ? step.reason : "Unexpected"))
  })

const next = (core: Core, responder: Responder, connection: Connection) =>
  readUntil(connection, (chunk) => {
    const step = responder.receive(chunk, now(core))
    return step._tag === "More" ? undefined : step
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
