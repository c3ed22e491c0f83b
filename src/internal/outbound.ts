/**
 * A dial: the TCP connection and the initiator's half of the handshake, driven over it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Proven } from "../protocol/Handshake.js"
import { Initiator } from "../protocol/Initiator.js"
import type { Session } from "../protocol/Session.js"
import type { Connection } from "../services/Transport.js"
import { type Core, move, now } from "./core.js"
import { broken, receive } from "./established.js"
import { establish, type Opened, readUntil } from "./lifecycle.js"
import { close, drop, type Ending, gone, type Link } from "./link.js"
import { check, settle } from "./policy.js"

/** Dials an endpoint and shakes hands, each within its time limit. */
export const dial = (core: Core, link: Link): Effect.Effect<Opened, Ending, Scope.Scope> =>
  Effect.gen(function*() {
    const { deadlines } = core
    deadlines.dial.begin(link, now(core), () => link.end(drop("ConnectTimeout")))
    const connection = yield* Effect.mapError(core.transport.dial(link.endpoint), broken)
    link.connection = connection
    deadlines.dial.met(link)
    deadlines.handshake.begin(link, now(core), () => link.end(drop("HandshakeTimeout")))
    move(core, link, "Handshaking", "TcpEstablished")
    yield* core.stats.increment("handshakes_started")
    return { connection, session: yield* handshake(core, link, connection) }
  })

const handshake = (core: Core, link: Link, connection: Connection): Effect.Effect<Session, Ending> =>
  Effect.gen(function*() {
    const ephemeral = yield* core.entropy.keyAgreement
    const initiator = new Initiator(core.party, ephemeral)
    const proven = yield* Effect.ensuring(
      Effect.suspend(() => {
        core.ephemerals.add(ephemeral.publicKey, link)
        return Effect.zipRight(send(connection, initiator.hello), answer(initiator, connection))
      }),
      Effect.sync(() => core.ephemerals.remove(ephemeral.publicKey))
    )
    const connSeq = core.table.nextConnSeq()
    const refusal = (yield* check(core, link, proven)) ?? settle(core, link, proven, connSeq)
    if (refusal !== undefined && !refusal.answer) return yield* Effect.fail(drop(refusal.reason))
    const seenSeq = core.table.seenSeq(proven.peerId, proven.instance)
    const { frame, session } = initiator.finish({ connSeq, seenSeq })
    link.session = session
    yield* send(connection, frame)
    if (refusal !== undefined) return yield* Effect.fail(close(refusal.reason))
    yield* confirmed(core, link, connection, session, proven)
    return session
  })

const answer = (initiator: Initiator, connection: Connection): Effect.Effect<Proven, Ending> =>
  Effect.flatMap(
    readUntil(connection, (chunk) => {
      const step = initiator.receive(chunk)
      return step._tag === "More" ? undefined : step
    }),
    (step) => step._tag === "Proven" ? Effect.succeed(step.peer) : Effect.fail(drop(step.reason))
  )

/** Waits for the first sealed frame: anything but Close means that the responder accepted. */
const confirmed = (
  core: Core,
  link: Link,
  connection: Connection,
  session: Session,
  proven: Proven
): Effect.Effect<void, Ending> =>
  Effect.gen(function*() {
    const received = yield* readUntil(connection, (chunk) => {
      const received = session.receive(chunk, now(core))
      return received.opened > 0 || received.failure !== undefined ? received : undefined
    })
    const [first] = received.events
    if (first?._tag === "Close") return yield* Effect.fail(gone(first.reason, first.detail))
    if (received.opened > 0) {
      // While we waited, another peer may have come in under the same name.
      const holder = core.table.holderOf(proven.nodeId)
      if (holder !== undefined && holder !== proven.peerId) return yield* Effect.fail(close("NodeIdConflict"))
      yield* establish(core, link, proven)
    }
    const ending = receive(core, link, received)
    if (ending !== undefined) return yield* Effect.fail(ending)
  })

const send = (connection: Connection, frame: Uint8Array): Effect.Effect<void, Ending> =>
  Effect.mapError(connection.write([frame]), broken)
