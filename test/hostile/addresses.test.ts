/** One peer at several addresses, and addresses in several forms. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { networkInterfaces } from "node:os"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { join } from "./peer.js"
import { start } from "./subject.js"

const hasIPv6 = Object.values(networkInterfaces()).flat().some((address) => address?.address === "::1")
const everywhere = { host: Option.none() }
const at = (host: string, { port }: Endpoint.Endpoint) => Endpoint.make(host, port)

describe.skipIf(!hasIPv6)("addresses", () => {
  it.scopedLive("a node listens on IPv6 alone if told so", () =>
    Effect.gen(function*() {
      const a = yield* start({ host: Option.some("::1") })
      const b = yield* start({ id: NodeId.make("b"), host: Option.some("::1") })
      const endpoint = Option.getOrThrow(Option.getRight(Endpoint.parse(String(a.node.address))))
      assert.strictEqual(String(endpoint), `[::1]:${a.node.address.port}`)
      assert.strictEqual((yield* b.node.connect(endpoint)).nodeId, "subject")
      const refused = yield* Effect.flip(b.node.connect(at("127.0.0.1", a.node.address)))
      assert.strictEqual(refused.reason, "ConnectionRefused")
    }))

  it.scopedLive("a peer reached over IPv4, over IPv6 and by name is one peer with one session", () =>
    Effect.gen(function*() {
      const a = yield* start(everywhere)
      const b = yield* start({ id: NodeId.make("b"), ...everywhere })
      const { session } = yield* b.node.connect(at("127.0.0.1", a.node.address))
      for (const host of ["::1", "localhost", "::ffff:127.0.0.1", "127.0.0.2"]) {
        assert.strictEqual((yield* b.node.connect(at(host, a.node.address))).session, session, host)
      }
      // And the other way round, while the session stands.
      assert.strictEqual((yield* a.node.connect(at("::1", b.node.address))).session, session)
      for (const { stats } of [a, b]) {
        assert.deepInclude(yield* stats.snapshot, { peers_total: 1, peers_connected: 1, connect_failures: 0 })
      }
    }))

  it.scopedLive("an IPv4 peer of a node that listens on both is shown with its IPv4 address", () =>
    Effect.gen(function*() {
      const subject = yield* start(everywhere)
      for (const host of ["127.0.0.1", "::1"]) {
        const peer = yield* join(at(host, subject.node.address))
        yield* peer.ping
        const shown = (yield* subject.node.peers).map(({ endpoint }) => String(endpoint))
        assert.include(shown, String(peer.wire.local))
      }
    }))

  it.scopedLive("a node that dials itself knows itself at each of its addresses", () =>
    Effect.gen(function*() {
      const { node } = yield* start(everywhere)
      for (const host of ["127.0.0.1", "127.0.0.3", "::1", "localhost", "::ffff:127.0.0.4"]) {
        assert.strictEqual(
          (yield* Effect.flip(node.connect(at(host, node.address)))).reason,
          "SelfConnection",
          host
        )
        assert.strictEqual((yield* Effect.flip(node.connect(at(host, node.address)))).reason, "self", host)
      }
    }))
})
