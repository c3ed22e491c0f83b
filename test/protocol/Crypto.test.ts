import { assert, describe, it, vi } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type * as NodeCrypto from "node:crypto"
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

describe.each([["3.0.19", 0x30000130], ["3.5.0", 0x30500000]])("with OpenSSL %s", (_, version) => {
  const asIf = async () => {
    vi.resetModules()
    vi.doMock("node:crypto", async (importOriginal) => {
      const original = await importOriginal<typeof NodeCrypto>()
      return { ...original, constants: { ...original.constants, OPENSSL_VERSION_NUMBER: version } }
    })
    try {
      return await import("../../src/protocol/Crypto.js")
    } finally {
      vi.doUnmock("node:crypto")
    }
  }

  it("agrees as RFC 7748, section 6.1, says", async () => {
    const { agree, importShare, keyPair } = await asIf()
    const alice = keyPair("X25519", unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    const bob = importShare(unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"), false)
    assert.strictEqual(
      bob && hex(agree(alice.privateKey, bob)),
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    )
  })

  it("checks a signature as RFC 8032, section 7.1, says", async () => {
    const { verify } = await asIf()
    const key = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    const signature = unhex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert.isTrue(verify(key, Uint8Array.of(0x72), signature))
    assert.isFalse(verify(key, Uint8Array.of(0x73), signature))
  })
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
