/**
 * HKDF with SHA-256, as Noise has it: keys from a chaining key and key material.
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"

/**
 * Fills each output with 32 bytes. The chaining key has 32 bytes and may be one of the outputs; the material has at
 * most 64.
 *
 * @since 0.1.0
 */
export const derive = (
  chainingKey: Uint8Array,
  material: Uint8Array,
  outputs: ReadonlyArray<Uint8Array>
): void => {
  text.set(material)
  key.set(chainingKey)
  padKey()
  hmac(inner.subarray(0, blockBytes + material.length), key)
  padKey()
  // Each output is the code of the one before it and of its own number.
  let numbered = behindNothing
  let number = 0
  for (const output of outputs) {
    inner[numbered.length - 1] = ++number
    hmac(numbered, code)
    output.set(code)
    numbered = behindCode
  }
  scratch.set(blank)
}

/** Bytes of a block of SHA-256. */
const blockBytes = 64

const codeBytes = 32

// HMAC (RFC 2104) is two hashes, each of a padded key and of what stands behind it. The objects of Node cost more than
// the hashing, and so does new memory for each step; in this one nothing stays.
const scratch = new Uint8Array(4 * blockBytes + codeBytes)
const part = (start: number, length: number): Buffer => Buffer.from(scratch.buffer, start, length)
const inner = part(0, 2 * blockBytes)
const text = part(blockBytes, blockBytes)
const code = part(blockBytes, codeBytes)
const behindNothing = part(0, blockBytes + 1)
const behindCode = part(0, blockBytes + codeBytes + 1)
const outer = part(2 * blockBytes, blockBytes + codeBytes)
const innerCode = part(3 * blockBytes, codeBytes)
const key = part(4 * blockBytes, codeBytes)

const words = (start: number): Uint32Array => new Uint32Array(scratch.buffer, start, codeBytes / 4)
const innerWords = words(0)
const outerWords = words(2 * blockBytes)
const keyWords = words(4 * blockBytes)

inner.fill(0x36, 0, blockBytes)
outer.fill(0x5c, 0, blockBytes)
const blank = scratch.slice()

const padKey = (): void => {
  for (let at = 0; at < codeBytes / 4; at++) {
    const word = keyWords[at] ?? 0
    innerWords[at] = word ^ 0x3636_3636
    outerWords[at] = word ^ 0x5c5c_5c5c
  }
}

/** Writes the code of what stands behind the padded key. */
const hmac = (padded: Buffer, target: Buffer): void => {
  // By way of strings, because a digest that is a buffer costs twice as much.
  innerCode.write(hash("sha256", padded, "binary"), "binary")
  target.write(hash("sha256", outer, "binary"), "binary")
}
