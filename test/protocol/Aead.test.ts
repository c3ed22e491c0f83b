import { assert, describe, it } from "@effect/vitest"
import * as Aead from "../../src/protocol/Aead.js"
import { flipped, hex, unhex } from "./bytes.js"

// RFC 8439, section 2.8.2.
const key = unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")
const nonce = unhex("070000004041424344454647")
const ad = unhex("50515253c0c1c2c3c4c5c6c7")
const plaintext = new TextEncoder().encode(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
)
const sealed = Aead.seal(key, nonce, ad, plaintext)

describe("Aead", () => {
  it("gives the known answer of RFC 8439", () => {
    assert.strictEqual(hex(sealed.tag), "1ae10b594f09e26a7e902ecbd0600691")
    assert.strictEqual(hex(sealed.ciphertext.subarray(0, 16)), "d31a8d34648e60db7b86afbc53ef7ec2")
  })

  it("opens what it sealed, an empty plaintext too", () => {
    const opened = Aead.open(key, nonce, ad, sealed.ciphertext, sealed.tag)
    assert.strictEqual(opened && hex(opened), hex(plaintext))
    const empty = Aead.seal(key, nonce, ad, new Uint8Array(0))
    assert.strictEqual(Aead.open(key, nonce, ad, empty.ciphertext, empty.tag)?.length, 0)
  })

  it("refuses every bit turned in ciphertext, tag, nonce and associated data", () => {
    const { ciphertext, tag } = sealed
    const attempts: ReadonlyArray<[Uint8Array, (bytes: Uint8Array) => Uint8Array | undefined]> = [
      [ciphertext, (bytes) => Aead.open(key, nonce, ad, bytes, tag)],
      [tag, (bytes) => Aead.open(key, nonce, ad, ciphertext, bytes)],
      [nonce, (bytes) => Aead.open(key, bytes, ad, ciphertext, tag)],
      [ad, (bytes) => Aead.open(key, nonce, bytes, ciphertext, tag)]
    ]
    for (const [bytes, open] of attempts) {
      for (let bit = 0; bit < 8 * bytes.length; bit++) assert.isUndefined(open(flipped(bytes, bit)))
    }
  })

  it("refuses another key, the one after it included", () => {
    const { ciphertext, tag } = sealed
    assert.isUndefined(Aead.open(Aead.rekey(key), nonce, ad, ciphertext, tag))
  })
})
