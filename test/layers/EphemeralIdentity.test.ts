import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createPublicKey, verify } from "node:crypto"
import * as PeerId from "../../src/domain/PeerId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import { Identity } from "../../src/services/Identity.js"

const fresh = Effect.provide(Identity, Layer.provide(EphemeralIdentity.layer, NodeEntropy.layer))

describe("EphemeralIdentity", () => {
  it.effect("signs with the key that its PeerId names", () =>
    Effect.gen(function*() {
      const { peerId, publicKey, sign } = yield* fresh
      assert.strictEqual(peerId, PeerId.fromKey(publicKey))
      const message = Buffer.from("a message")
      const signature = sign(message)
      assert.strictEqual(signature.length, 64)
      const x = Buffer.from(PeerId.toKey(peerId)).toString("base64url")
      const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } })
      assert.isTrue(verify(null, message, key, signature))
    }))

  it.effect("is another one each time", () =>
    Effect.gen(function*() {
      assert.notStrictEqual((yield* fresh).peerId, (yield* fresh).peerId)
    }))

  it.effect("keeps its private key to itself", () =>
    Effect.gen(function*() {
      assert.sameMembers(Object.keys(yield* fresh), ["publicKey", "peerId", "sign"])
    }))
})
