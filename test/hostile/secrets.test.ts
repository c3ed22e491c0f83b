/** Everything a node shows of itself, searched for its secrets. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Endpoint from "../../src/domain/Endpoint.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import * as PeerId from "../../src/domain/PeerId.js"
import type { Core } from "../../src/internal/core.js"
import { Exchange } from "../../src/internal/exchange.js"
import { Link } from "../../src/internal/link.js"
import * as Crypto from "../../src/protocol/Crypto.js"
import * as Envelope from "../../src/protocol/Envelope.js"
import * as Handshake from "../../src/protocol/Handshake.js"
import type { Proven } from "../../src/protocol/Handshake.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import { Responder } from "../../src/protocol/Responder.js"
import { Session } from "../../src/protocol/Session.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import type { Connection } from "../../src/services/Transport.js"
import { freshGate, nothing, signer } from "../protocol/parties.js"
import { first, fresh, greet, party, Peer, share } from "./peer.js"
import { start } from "./subject.js"
import { dial } from "./wire.js"

/** All ways in which the bytes of a secret could stand in a text. */
const forms = (secret: Uint8Array): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString("hex")
  return [
    hex,
    (hex.match(/../g) ?? []).join(" "),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.join(","),
    bytes.join(", "),
    bytes.toString("latin1")
  ]
}

/** No secret stands in any of the texts; half of one counts as the whole. */
const assertSilent = (texts: ReadonlyArray<string>, secrets: ReadonlyArray<Uint8Array>): void => {
  const all = texts.join("\n").toLowerCase().replace(/\s+/g, " ")
  for (const secret of secrets) {
    for (const form of forms(secret.subarray(0, 12))) {
      assert.notInclude(all, form.replace(/=+$/, "").toLowerCase())
    }
  }
}

const shown = (value: unknown): ReadonlyArray<string> => [
  inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, showHidden: true }),
  Inspectable.toStringUnknown(value),
  String(value)
]

describe("secrets", () => {
  it("the search finds a secret in any form", () => {
    const secret = fresh()
    for (const value of [secret, Buffer.from(secret), { key: Buffer.from(secret).toString("hex") }]) {
      assert.throws(() => assertSilent(shown(value), [secret]))
    }
    assertSilent(shown(fresh()), [secret])
  })

  it.scopedLive("no log line, event, error or value of a node holds any, whatever happens to it", () => {
    const texts: Array<string> = []
    const gather = Logger.make((entry) => {
      texts.push(
        ...shown(entry.message),
        ...shown(entry.annotations),
        Cause.pretty(entry.cause),
        Logger.logfmtLogger.log(entry)
      )
    })
    return Effect.gen(function*() {
      const [seed, networkKey] = [fresh(), fresh()]
      const own = signer(seed)
      // Every private key that the node makes for itself, and its random bytes.
      const secrets: Array<Uint8Array> = [seed, networkKey]
      let defects = 0
      const subject = yield* start({
        networkKey: Option.some(Redacted.make(networkKey)),
        identity: {
          ...own,
          peerId: PeerId.fromKey(own.publicKey),
          sign: (message) => {
            if (defects-- > 0) throw new Error("a bug of ours")
            return own.sign(message)
          }
        },
        entropy: {
          bytes: fresh,
          keyAgreement: () => {
            const secret = fresh()
            secrets.push(secret)
            return Crypto.keyPair("X25519", secret)
          },
          signing: () => assert.fail("an identity was given")
        }
      })
      const tell = (value: unknown) => texts.push(...shown(value))
      const mine = party({ networkKey })

      // A session whose own keys are known, too.
      const wire = yield* dial(subject.node.address)
      const noise = Handshake.begin(mine, "initiator")
      yield* wire.send(Envelope.clear(Envelope.types.Hello, 1, noise.write(() => nothing, share())))
      noise.read(((yield* wire.read) ?? nothing).subarray(2 + Envelope.headerBytes + 2))
      yield* wire.send(Handshake.writeIdentity(noise, mine, "initiator", first))
      const { hash, initiatorToResponder: sendKey, responderToInitiator: receiveKey } = noise.split()
      secrets.push(sendKey, receiveKey)
      const peer = new Peer(
        wire,
        new Session({
          id: hash,
          role: "initiator",
          sendKey,
          receiveKey,
          rest: nothing,
          limits: Limits.defaults
        })
      )
      yield* peer.ping
      tell(yield* subject.node.peers)
      yield* subject.node.send(PeerId.fromKey(mine.identity.publicKey), "t", fresh(100))
      tell(
        yield* Effect.flip(subject.node.send(PeerId.fromKey(mine.identity.publicKey), "t", fresh(2_000_000)))
      )
      yield* peer.say(0, fresh(8))
      yield* peer.rest
      // Failures of every kind.
      defects = 1
      yield* (yield* dial(subject.node.address)).send(new Initiator(mine, share()).hello)
      yield* subject.until("handshake.rejected", ({ reason }) => reason === "Internal")
      const stranger = yield* dial(subject.node.address)
      yield* stranger.send(new Initiator(party(), share()).hello)
      yield* stranger.rest
      tell(yield* Effect.flip(subject.node.connect(subject.node.address)))
      tell(yield* Effect.flip(subject.node.connect(Endpoint.make("127.0.0.1", 1))))
      tell(yield* Effect.exit(subject.node.connect(Endpoint.make("127.0.0.1", 1))))
      tell(yield* subject.stats.snapshot)
      tell(yield* subject.stats.reasons)
      tell(subject.node)
      tell(NodeConfig.make({ id: NodeId.make("x"), networkKey: Option.some(Redacted.make(networkKey)) }))
      for (const event of subject.events) texts.push(JSON.stringify(event), ...shown(event))
      assert.isTrue(texts.some((text) => text.includes("a bug of ours")))
      assertSilent(texts, secrets)
    }).pipe(
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.provide(Logger.replace(Logger.defaultLogger, gather))
    )
  })

  it.scopedLive("nor do the handshake machines, the session and the connection that holds it", () =>
    Effect.gen(function*() {
      const [seed, networkKey, secret, toResponder, toInitiator] = [
        fresh(),
        fresh(),
        fresh(),
        fresh(),
        fresh()
      ]
      const local = {
        ...party(),
        identity: signer(seed),
        networkKey,
        staticKey: Crypto.keyPair("X25519", secret)
      }
      const subject = yield* start({ networkKey: Option.some(Redacted.make(networkKey)) })
      const { initiator } = yield* greet(yield* dial(subject.node.address), local)
      const responder = new Responder(local, freshGate())
      const texts = [...shown(initiator), ...shown(responder)]
      const link = new Link(1, "inbound", subject.node.address)
      const session = new Session({
        id: fresh(),
        role: "responder",
        sendKey: toInitiator,
        receiveKey: toResponder,
        rest: nothing,
        limits: Limits.defaults
      })
      const [connection, proven] = [{}, {}] as unknown as [Connection, Proven]
      link.exchange = new Exchange({} as Core, link, connection, session, proven)
      texts.push(...shown(link), ...shown(initiator.finish(first).session))
      assertSilent(texts, [seed, networkKey, secret, toResponder, toInitiator])
    }))
})
