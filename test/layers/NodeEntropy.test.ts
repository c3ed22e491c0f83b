import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createPublicKey, diffieHellman, type KeyObject, sign, verify } from "node:crypto"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import { Entropy } from "../../src/services/Entropy.js"

const imported = (crv: "X25519" | "Ed25519", key: Uint8Array): KeyObject =>
  createPublicKey({ format: "jwk", key: { kty: "OKP", crv, x: Buffer.from(key).toString("base64url") } })

describe("NodeEntropy", () => {
  it.effect("gives as many bytes as asked for, never the same", () =>
    Effect.gen(function*() {
      const entropy = yield* Entropy
      assert.strictEqual(entropy.bytes(0).length, 0)
      const first = entropy.bytes(32)
      assert.strictEqual(first.length, 32)
      assert.notDeepEqual(first, entropy.bytes(32))
    }).pipe(Effect.provide(NodeEntropy.layer)))

  it.effect.each([-1, Number.NaN])("refuses to give %d bytes", (size) =>
    Effect.gen(function*() {
      const entropy = yield* Entropy
      assert.throws(() => entropy.bytes(size), RangeError)
    }).pipe(Effect.provide(NodeEntropy.layer)))

  it.effect("gives nothing out twice, and nothing that it has wiped", () =>
    Effect.gen(function*() {
      const entropy = yield* Entropy
      // Of these, many come from one draw, and some lie across the end of it.
      const sizes = Array.from({ length: 2_000 }, (_, at) => 8 + at % 60)
      const drawn = sizes.map(entropy.bytes)
      assert.deepStrictEqual(drawn.map(({ length }) => length), sizes)
      const all = Buffer.concat(drawn)
      const words = new Set<string>()
      for (let at = 0; at + 8 <= all.length; at++) words.add(all.toString("latin1", at, at + 8))
      assert.strictEqual(words.size, all.length - 7)
      assert.isFalse(words.has("\0".repeat(8)))
    }).pipe(Effect.provide(NodeEntropy.layer)))

  it.effect("makes X25519 pairs that agree", () =>
    Effect.gen(function*() {
      const entropy = yield* Entropy
      const mine = entropy.keyAgreement()
      const theirs = entropy.keyAgreement()
      assert.strictEqual(mine.publicKey.length, 32)
      assert.notDeepEqual(mine.publicKey, theirs.publicKey)
      assert.deepStrictEqual(
        diffieHellman({ privateKey: mine.privateKey, publicKey: imported("X25519", theirs.publicKey) }),
        diffieHellman({ privateKey: theirs.privateKey, publicKey: imported("X25519", mine.publicKey) })
      )
    }).pipe(Effect.provide(NodeEntropy.layer)))

  it.effect("makes Ed25519 pairs whose public half verifies", () =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = (yield* Entropy).signing()
      assert.strictEqual(publicKey.length, 32)
      const message = Buffer.from("vp2p")
      assert.isTrue(verify(null, message, imported("Ed25519", publicKey), sign(null, message, privateKey)))
    }).pipe(Effect.provide(NodeEntropy.layer)))

  it.effect("survives many pairs in a row", () =>
    Effect.gen(function*() {
      const entropy = yield* Entropy
      const keys = Array.from({ length: 5_000 }, entropy.keyAgreement)
      assert.strictEqual(
        new Set(keys.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"))).size,
        5_000
      )
    }).pipe(Effect.provide(NodeEntropy.layer)))
})
