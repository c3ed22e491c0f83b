import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { createPublicKey, diffieHellman, hkdfSync } from "node:crypto"
import * as Crypto from "../../src/protocol/Crypto.js"
import { concat, hex, unhex } from "./bytes.js"
import { lowOrderShares, smallOrderKeys } from "./keys.js"
import { bytes } from "./parties.js"

const secret = Crypto.keyPair("X25519", unhex("4a".repeat(32)))

describe("hkdf", () => {
  it("is HKDF-SHA256 with an empty info", () =>
    fc.assert(fc.property(bytes(32), fc.uint8Array({ maxLength: 64 }), (salt, material) => {
      const expected = hex(new Uint8Array(hkdfSync("sha256", material, salt, new Uint8Array(0), 96)))
      assert.strictEqual(hex(concat(...Crypto.hkdf(salt, material, 3))), expected)
      assert.strictEqual(hex(concat(...Crypto.hkdf(salt, material, 2))), expected.slice(0, 128))
    })))
})

describe("agree", () => {
  it("gives both ends one secret", () =>
    fc.assert(fc.property(bytes(32), bytes(32), (one, other) => {
      const [a, b] = [Crypto.keyPair("X25519", one), Crypto.keyPair("X25519", other)]
      assert.deepStrictEqual(Crypto.agree(a.privateKey, b.publicKey), Crypto.agree(b.privateKey, a.publicKey))
    })))

  it("refuses every share of low order, and so does OpenSSL", () => {
    assert.strictEqual(lowOrderShares.length, 14)
    for (const share of lowOrderShares) {
      assert.isUndefined(Crypto.agree(secret.privateKey, share), hex(share))
      const x = Buffer.from(share).toString("base64url")
      const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" })
      assert.throws(() => diffieHellman({ privateKey: secret.privateKey, publicKey }))
    }
  })
})

describe("verify", () => {
  it("takes a message's own signature and no other", () =>
    fc.assert(fc.property(bytes(32), fc.uint8Array(), fc.uint8Array(), (seed, message, other) => {
      const { privateKey, publicKey } = Crypto.keyPair("Ed25519", seed)
      const signature = Crypto.sign(privateKey, message)
      assert.strictEqual(signature.length, 64)
      assert.isTrue(Crypto.verify(publicKey, message, signature))
      assert.strictEqual(Crypto.verify(publicKey, other, signature), hex(other) === hex(message))
    })))

  it("is total: any 32 bytes as a key, any 64 as a signature", () =>
    fc.assert(fc.property(bytes(32), bytes(64), (key, signature) => {
      assert.isFalse(Crypto.verify(key, new Uint8Array(3), signature))
    })))
})

describe("isSmallOrder", () => {
  it("knows the 14 encodings, and no honest key", () => {
    assert.strictEqual(new Set(smallOrderKeys.map(hex)).size, 14)
    for (const key of smallOrderKeys) assert.isTrue(Crypto.isSmallOrder(key), hex(key))
    assert.isFalse(Crypto.isSmallOrder(Crypto.keyPair("Ed25519", unhex("01".repeat(32))).publicKey))
  })
})
