/**
 * A dial: the TCP connection and the initiator's half of the handshake, driven over it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Proven } from "../protocol/Handshake.js"
import { Initiator } from "../protocol/Initiator.js"
import type { Connection } from "../services/Transport.js"
import { type Core, move, now } from "./core.js"
import { Exchange } from "./exchange.js"
import { answered, establish, listen } from "./lifecycle.js"
import { close, drop, type Ending, gone, type Link } from "./link.js"
import { check, refuse, settle } from "./policy.js"

/** Dials an endpoint and shakes hands, each within its time limit. */
export const dial = (core: Core, link: Link): Effect.Effect<Exchange, Ending, Scope.Scope> =>
  Effect.gen(function*() {
    const { deadlines } = core
    deadlines.dial.begin(link, now(core), () => link.end(drop("ConnectTimeout")))
    const connection = yield* Effect.mapError(
      core.transport.dial(link.endpoint),
      ({ reason }) => gone(reason)
    )
    link.connection = connection
    deadlines.dial.met(link)
    deadlines.handshake.begin(link, now(core), () => link.end(drop("HandshakeTimeout")))
    move(core, link, "Handshaking", "TcpEstablished")
    core.stats.increment("handshakes_started")
    const ephemeral = yield* core.entropy.keyAgreement
    const initiator = new Initiator(core.party, ephemeral)
    link.hello = ephemeral.publicKey
    core.ephemerals.add(ephemeral.publicKey, link)
    connection.write([initiator.hello])
    const proven = yield* answer(initiator, connection)
    answered(core, link)
    const connSeq = core.table.nextConnSeq()
    const refusal = check(core, link, proven) ?? settle(core, link, proven, connSeq)
    if (refusal !== undefined && !refusal.answer) return yield* refuse(core, proven, drop(refusal.reason))
    const seenSeq = core.table.seenSeq(proven.peerId, proven.instance)
    const { frame, session } = initiator.finish({ connSeq, seenSeq })
    const exchange = new Exchange(core, link, connection, session, proven)
    link.exchange = exchange
    connection.write([frame])
    if (refusal !== undefined) return yield* refuse(core, proven, close(refusal.reason))
    return yield* confirmed(core, link, connection, exchange, proven)
  })

const answer = (initiator: Initiator, connection: Connection): Effect.Effect<Proven, Ending> =>
  Effect.flatMap(
    listen(connection, (chunk) => {
      const step = initiator.receive(chunk)
      return step._tag === "More" ? undefined : step
    }),
    (step) => step._tag === "Proven" ? Effect.succeed(step.peer) : Effect.fail(drop(step.reason))
  )

/** What came of the first sealed frames. */
type Confirmation = Ending | "opened" | undefined

/** Waits for the first sealed frame: anything but Close means that the responder accepted. */
const confirmed = (
  core: Core,
  link: Link,
  connection: Connection,
  exchange: Exchange,
  proven: Proven
): Effect.Effect<Exchange, Ending> =>
  Effect.gen(function*() {
    const confirmation = yield* listen(connection, (chunk): Confirmation =>
      exchange.open(chunk) ?? (exchange.session.opened > 0 ? "opened" : undefined))
    if (exchange.session.opened > 0 && !exchange.refused) {
      // While we waited, another peer may have come in under the same name.
      const holder = core.table.holderOf(proven.nodeId)
      if (holder !== undefined && holder !== proven.peerId) {
        return yield* Effect.fail(close("NodeIdConflict"))
      }
      establish(core, link, proven)
    }
    exchange.hand()
    return confirmation === "opened" ? exchange : yield* Effect.fail(confirmation)
  })
