import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { createHash, createPublicKey, diffieHellman } from "node:crypto"
import * as Crypto from "../../src/protocol/Crypto.js"
import type { KeyPair } from "../../src/protocol/KeyPair.js"
import { concat, flipped, hex, unhex } from "./bytes.js"
import { lowOrderShares, smallOrderKeys } from "./keys.js"
import { bytes } from "./parties.js"

const secret = Crypto.keyPair("X25519", unhex("4a".repeat(32)))

describe("rehash", () => {
  it("is the hash of all, of whatever length", () =>
    fc.assert(fc.property(bytes(32), fc.nat(3_000), fc.nat(100), (running, first, second) => {
      const texts = [new Uint8Array(first).fill(1), new Uint8Array(second).fill(2)] as const
      const expected = createHash("sha256").update(running).update(texts[0]).update(texts[1]).digest("hex")
      Crypto.rehash(running, ...texts)
      assert.strictEqual(hex(running), expected)
      assert.strictEqual(hex(Crypto.sha256(running, ...texts)), hex(Crypto.sha256(concat(running, ...texts))))
    })))
})

describe("agree", () => {
  const shared = (mine: KeyPair, theirs: Uint8Array): string => {
    const share = Crypto.importShare(theirs, false)
    return share === undefined ? "refused" : hex(Crypto.agree(mine.privateKey, share))
  }

  it("gives both ends one secret", () =>
    fc.assert(fc.property(bytes(32), bytes(32), (one, other) => {
      const [a, b] = [Crypto.keyPair("X25519", one), Crypto.keyPair("X25519", other)]
      assert.strictEqual(shared(a, b.publicKey), shared(b, a.publicKey))
      assert.notStrictEqual(shared(a, b.publicKey), "refused")
    })))

  it("refuses every share of low order, and so does OpenSSL", () => {
    assert.strictEqual(lowOrderShares.length, 14)
    for (const share of lowOrderShares) {
      assert.strictEqual(shared(secret, share), "refused", hex(share))
      const x = Buffer.from(share).toString("base64url")
      const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" })
      assert.throws(() => diffieHellman({ privateKey: secret.privateKey, publicKey }))
    }
  })

  it("refuses none that differs from one of those in any bit but the top one", () => {
    for (const share of lowOrderShares) {
      for (let bit = 0; bit < 255; bit++) {
        const near = flipped(share, bit)
        if (lowOrderShares.some((low) => hex(low) === hex(near))) continue
        assert.isDefined(Crypto.importShare(near, false), hex(near))
      }
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
    for (const key of smallOrderKeys) {
      for (let bit = 0; bit < 255; bit++) {
        const near = flipped(key, bit)
        assert.strictEqual(
          Crypto.isSmallOrder(near),
          smallOrderKeys.some((small) => hex(small) === hex(near)),
          hex(near)
        )
      }
    }
  })
})
