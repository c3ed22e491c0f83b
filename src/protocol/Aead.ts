/**
 * ChaCha20-Poly1305, the one place that calls the cipher.
 *
 * @since 0.1.0
 */
import { createCipheriv, createDecipheriv } from "node:crypto"

/** Bytes of a key. @since 0.1.0 */
export const keyBytes = 32

const algorithm = "chacha20-poly1305"
const options = { authTagLength: 16 } as const

/** What sealing gives: as many bytes as the plaintext has, and a tag of 16. @since 0.1.0 */
export interface Sealed {
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

/** Encrypts under a nonce of 12 bytes that this key never saw before, and binds `ad` to it. @since 0.1.0 */
export const seal = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  plaintext: Uint8Array
): Sealed => {
  const cipher = createCipheriv(algorithm, key, nonce, options)
  cipher.setAAD(ad, { plaintextLength: plaintext.length })
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return { ciphertext, tag: cipher.getAuthTag() }
}

/** The same for a plaintext in two pieces. @since 0.1.0 */
export const sealTwo = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  head: Uint8Array,
  rest: Uint8Array
): { readonly first: Uint8Array; readonly second: Uint8Array; readonly tag: Uint8Array } => {
  const cipher = createCipheriv(algorithm, key, nonce, options)
  cipher.setAAD(ad, { plaintextLength: head.length + rest.length })
  const first = head.length === 0 ? head : cipher.update(head)
  const second = cipher.update(rest)
  cipher.final()
  return { first, second, tag: cipher.getAuthTag() }
}

/** Decrypts into memory of its own; nothing if anything was changed. The tag must have 16 bytes. @since 0.1.0 */
export const open = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array
): Uint8Array | undefined => {
  const decipher = createDecipheriv(algorithm, key, nonce, options)
  decipher.setAAD(ad, { plaintextLength: ciphertext.length })
  decipher.setAuthTag(tag)
  const plaintext = decipher.update(ciphertext)
  try {
    decipher.final()
  } catch {
    // What `update` gave is not authentic and goes no further.
    return undefined
  }
  return plaintext
}

const rekeyNonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255)
const zeros = new Uint8Array(keyBytes)

/** The key that follows a key, from which the old one cannot be found. @since 0.1.0 */
export const rekey = (key: Uint8Array): Uint8Array =>
  seal(key, rekeyNonce, new Uint8Array(0), zeros).ciphertext
