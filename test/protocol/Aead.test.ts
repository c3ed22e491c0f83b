import { assert, describe, it, vi } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { createCipheriv, createDecipheriv } from "node:crypto"
import * as Aead from "../../src/protocol/Aead.js"
import * as ShortAead from "../../src/protocol/ShortAead.js"
import { concat, flipped, hex, unhex } from "./bytes.js"

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
    assert.isUndefined(Aead.open(following(key), nonce, ad, ciphertext, tag))
  })
})

const algorithm = "chacha20-poly1305"
const options = { authTagLength: 16 } as const

/** What OpenSSL makes of it. */
const reference = (key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array) => {
  const cipher = createCipheriv(algorithm, key, nonce, options)
  cipher.setAAD(ad, { plaintextLength: plaintext.length })
  const ciphertext = concat(cipher.update(plaintext), cipher.final())
  return { ciphertext, tag: Uint8Array.from(cipher.getAuthTag()) }
}

/** The key behind a key, as Noise has it. */
const following = (key: Uint8Array): Uint8Array =>
  reference(key, unhex("00000000ffffffffffffffff"), new Uint8Array(0), new Uint8Array(32)).ciphertext

const opensByReference = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array
): boolean => {
  const decipher = createDecipheriv(algorithm, key, nonce, options)
  decipher.setAAD(ad, { plaintextLength: ciphertext.length })
  decipher.setAuthTag(tag)
  decipher.update(ciphertext)
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}

describe("Aead, short texts and long ones", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const text = (length: number) => new Uint8Array(length).map((_, at) => at * 7 + length)

  it("gives the bytes of OpenSSL at every length", () => {
    for (let length = 0; length <= ShortAead.maxBytes + 64; length++) {
      const ad = text(length % 34)
      const known = reference(key, nonce, ad, text(length))
      const { ciphertext, tag } = Aead.seal(key, nonce, ad, text(length))
      assert.strictEqual(hex(concat(ciphertext, tag)), hex(concat(known.ciphertext, known.tag)))
      const opened = Aead.open(key, nonce, ad, known.ciphertext, known.tag)
      assert.strictEqual(opened && hex(opened), hex(text(length)))
    }
  })

  it("opens what OpenSSL opens and refuses what it refuses, whatever is wrong", () =>
    fc.assert(
      fc.property(
        bytes(32),
        bytes(12),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(ShortAead.maxBytes + 20),
        fc.constantFrom(...["key", "nonce", "ad", "ciphertext", "tag"] as const),
        fc.nat(),
        (key, nonce, ad, length, wrong, bit) => {
          const plaintext = text(length)
          const { ciphertext, tag } = Aead.seal(key, nonce, ad, plaintext)
          const right = { key, nonce, ad, ciphertext, tag }
          const of = right[wrong].length
          const turned = of === 0 ? {} : { [wrong]: flipped(right[wrong], bit % (8 * of)) }
          for (const given of [right, { ...right, ...turned }]) {
            const opened = Aead.open(given.key, given.nonce, given.ad, given.ciphertext, given.tag)
            assert.strictEqual(
              opened !== undefined,
              opensByReference(given.key, given.nonce, given.ad, given.ciphertext, given.tag)
            )
            if (opened !== undefined) assert.strictEqual(hex(opened), hex(plaintext))
          }
        }
      ),
      { numRuns: 1_000 }
    ))

  it.each([0, 1, 22])("seals two pieces, the first of %d bytes, as one", (length) => {
    for (const whole of [22, ShortAead.maxBytes, ShortAead.maxBytes + 1, 70_000]) {
      const known = reference(key, nonce, ad, text(whole))
      const [head, rest] = [text(whole).subarray(0, length), text(whole).subarray(length)]
      const target = new Uint8Array(5 + whole + 16).fill(0xee)
      assert.isUndefined(Aead.sealInto(new Aead.Key(key), nonce, ad, head, rest, target, 5, 5 + whole))
      assert.strictEqual(hex(target), `${"ee".repeat(5)}${hex(concat(known.ciphertext, known.tag))}`)
      if (whole <= ShortAead.maxBytes) continue
      const small = new Uint8Array(16 + length)
      const apart = Aead.sealInto(new Aead.Key(key), nonce, ad, head, rest, small, 16, 0)
      assert.strictEqual(hex(concat(small, apart ?? nonce)), hex(concat(known.tag, known.ciphertext)))
    }
  })

  it("has a key that turns into the one that follows, for short texts and for long ones", () => {
    const bytes = key.slice()
    const turning = new Aead.Key(bytes)
    for (const expected of [key, following(key), following(following(key))]) {
      for (const length of [ShortAead.maxBytes, ShortAead.maxBytes + 1]) {
        const known = reference(expected, nonce, ad, text(length))
        const target = new Uint8Array(length + 16)
        Aead.sealInto(turning, nonce, ad, text(0), text(length), target, 0, length)
        assert.strictEqual(hex(target), hex(concat(known.ciphertext, known.tag)))
        const opened = Aead.openFrom(turning, nonce, ad, target, 0, length, target, length)
        assert.strictEqual(opened && hex(opened), hex(text(length)))
      }
      turning.turn()
    }
    assert.strictEqual(hex(bytes), hex(following(following(following(key)))))
  })

  it("gives memory that the next text does not change", () => {
    const [one, two] = [text(40), text(41)].map((plaintext) => Aead.seal(key, nonce, ad, plaintext))
    const opened = one && Aead.open(key, nonce, ad, one.ciphertext, one.tag)
    if (two) Aead.open(key, nonce, ad, two.ciphertext, two.tag)
    assert.strictEqual(opened && hex(opened), hex(text(40)))
    assert.strictEqual(one && hex(one.ciphertext), hex(reference(key, nonce, ad, text(40)).ciphertext))
  })

  it("refuses a tag that is longer, whatever the length of the text", () => {
    for (const length of [0, ShortAead.maxBytes, ShortAead.maxBytes + 1]) {
      const { ciphertext, tag } = Aead.seal(key, nonce, ad, text(length))
      assert.isUndefined(Aead.open(key, nonce, ad, ciphertext, concat(tag, Uint8Array.of(0))))
    }
  })

  it("refuses a tag that is cut short", () => {
    for (let length = 0; length < 16; length++) {
      assert.isUndefined(Aead.open(key, nonce, ad, sealed.ciphertext, sealed.tag.subarray(0, length)))
    }
  })
})

/** A part of the global object that the types of Node leave out. */
declare const WebAssembly: {
  readonly Module: unknown
  readonly Instance: new(module: object, imports: object) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer } }
  }
}

describe("the memory of the cipher for short texts, which all sessions share", () => {
  const nothing = new Uint8Array(0)

  /** The cipher as if nobody had used it, and its memory once it was used. */
  const fresh = async () => {
    const memories: Array<Uint8Array> = []
    vi.resetModules()
    const cipher = await import("../../src/protocol/ShortAead.js")
    const { Instance } = WebAssembly
    vi.stubGlobal("WebAssembly", {
      ...WebAssembly,
      Module: WebAssembly.Module,
      Instance: class extends Instance {
        constructor(module: object, imports: object) {
          super(module, imports)
          memories.push(new Uint8Array(this.exports.memory.buffer))
        }
      }
    })
    const target = new Uint8Array(384 + 16)
    const seal = (text: Uint8Array) =>
      cipher.seal(key, nonce, ad, text.subarray(0, 9), text.subarray(9), target, 0, 384)
    const open = (text: Uint8Array) => cipher.open(key, nonce, ad, target, 0, text.length, target, 384)
    seal(nothing)
    vi.unstubAllGlobals()
    return { seal, open, memory: memories[0] ?? assert.fail("no memory was made") }
  }

  it("has neither key nor text nor what they are mixed with, after sealing and after opening", async () => {
    const { memory, open, seal } = await fresh()
    const text = new Uint8Array(384).map((_, at) => at % 251)
    // The first block of the stream is the key of the tag, the others are laid on the text.
    const iv = concat(new Uint8Array(4), nonce)
    const stream = createCipheriv("chacha20", key, iv).update(new Uint8Array(64 + 384))
    const secrets = [key, text, stream.subarray(0, 32), stream.subarray(64)].map((secret) =>
      hex(secret.subarray(0, 16))
    )
    for (const use of [seal, open]) {
      use(text)
      for (const secret of secrets) assert.notInclude(hex(memory), secret)
    }
  })
})
