/**
 * ChaCha20-Poly1305, the one place that calls the cipher: that of OpenSSL, or for short texts one in WebAssembly.
 *
 * @since 0.1.0
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto"
import { keyBytes, tagBytes } from "./Crypto.js"
import * as Pool from "./Pool.js"
import * as ShortAead from "./ShortAead.js"

/** What sealing gives: as many bytes as the plaintext has, and a tag of 16. @since 0.1.0 */
export interface Sealed {
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

/** A key for many texts: its 32 bytes for short ones, and for OpenSSL a handle that is made once. @since 0.1.0 */
export class Key {
  readonly #bytes: Uint8Array
  #handle: KeyObject | undefined

  /** The bytes are the key's from now on: it writes over them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Given bytes, Node 24 finds out by two errors that it throws and catches that they are no handle. */
  get handle(): KeyObject {
    return this.#handle ??= createSecretKey(this.#bytes)
  }

  /** Becomes the key that follows, from which the old one cannot be found. */
  turn(): void {
    const next = seal(this.#bytes, turnNonce, nothing, zeros).ciphertext
    this.#bytes.set(next)
    next.fill(0)
    this.#handle = undefined
  }
}

/** Encrypts under a nonce of 12 bytes that this key never saw before, and binds `ad` to it. @since 0.1.0 */
export const seal = (key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): Sealed => {
  const { length } = plaintext
  const target = Pool.take(length + tagBytes)
  sealInto(new Key(key), nonce, ad, nothing, plaintext, target, 0, length)
  return { ciphertext: target.subarray(0, length), tag: target.subarray(length) }
}

/**
 * The same for a plaintext in two pieces, written to `target`: the ciphertext at `at`, the tag at `tagAt`. Unless it
 * has room for the ciphertext of the second piece, that is returned in memory of its own.
 *
 * @since 0.1.0
 */
export const sealInto = (
  key: Key,
  nonce: Uint8Array,
  ad: Uint8Array,
  head: Uint8Array,
  rest: Uint8Array,
  target: Uint8Array,
  at: number,
  tagAt: number
): Uint8Array | undefined => {
  const length = head.length + rest.length
  if (isShort(length, ad)) {
    ShortAead.seal(key.bytes, nonce, ad, head, rest, target, at, tagAt)
    return undefined
  }
  const cipher = createCipheriv(algorithm, key.handle, nonce, options)
  cipher.setAAD(ad, { plaintextLength: length })
  if (head.length > 0) target.set(cipher.update(head), at)
  const text = cipher.update(rest)
  cipher.final()
  target.set(cipher.getAuthTag(), tagAt)
  if (at + length > target.length) return text
  target.set(text, at + head.length)
  return undefined
}

/** Decrypts into memory that nobody uses again; nothing if anything was changed, or the tag has not 16 bytes. @since 0.1.0 */
export const open = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array
): Uint8Array | undefined =>
  tag.length === tagBytes
    ? openFrom(new Key(key), nonce, ad, ciphertext, 0, ciphertext.length, tag, 0)
    : undefined

/**
 * The same where the ciphertext lies from `start` to `end` of a text, and the tag at `tagAt` of another one or the
 * same: views of them would cost as much as opening what is short.
 *
 * @since 0.1.0
 */
export const openFrom = (
  key: Key,
  nonce: Uint8Array,
  ad: Uint8Array,
  text: Uint8Array,
  start: number,
  end: number,
  tag: Uint8Array,
  tagAt: number
): Uint8Array | undefined => {
  if (isShort(end - start, ad)) return ShortAead.open(key.bytes, nonce, ad, text, start, end, tag, tagAt)
  const decipher = createDecipheriv(algorithm, key.handle, nonce, options)
  decipher.setAAD(ad, { plaintextLength: end - start })
  decipher.setAuthTag(tag.subarray(tagAt, tagAt + tagBytes))
  const plaintext = decipher.update(text.subarray(start, end))
  try {
    decipher.final()
  } catch {
    // What `update` gave is not authentic and goes no further.
    return undefined
  }
  return plaintext
}

const algorithm = "chacha20-poly1305"
const options = { authTagLength: tagBytes } as const
const nothing = new Uint8Array(0)
const zeros = new Uint8Array(keyBytes)
const turnNonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255)

const isShort = (length: number, ad: Uint8Array): boolean =>
  length <= ShortAead.maxBytes && ad.length <= ShortAead.maxAdBytes
