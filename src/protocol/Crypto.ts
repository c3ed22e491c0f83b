/**
 * The primitives the handshake is made of, as functions of bytes: SHA-256, HKDF, X25519 and Ed25519.
 *
 * @since 0.1.0
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes
} from "node:crypto"
import type { KeyPair } from "./KeyPair.js"

/** Bytes of a hash, of a key of any kind and of an X25519 result. @since 0.1.0 */
export const keyBytes = 32

/** Bytes of an Ed25519 signature. @since 0.1.0 */
export const signatureBytes = 64

/** SHA-256 of the parts, one after the other. @since 0.1.0 */
export const sha256 = (...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  // By way of a string, because a digest that is a buffer costs twice as much.
  Buffer.from(hash("sha256", Buffer.concat(parts), "binary"), "binary")

/**
 * HKDF as Noise has it: two or three outputs of 32 bytes from a chaining key and key material.
 *
 * @since 0.1.0
 */
export function hkdf(chainingKey: Uint8Array, material: Uint8Array, outputs: 2): [Uint8Array, Uint8Array]
export function hkdf(
  chainingKey: Uint8Array,
  material: Uint8Array,
  outputs: 3
): [Uint8Array, Uint8Array, Uint8Array]
export function hkdf(chainingKey: Uint8Array, material: Uint8Array, outputs: 2 | 3): Array<Uint8Array> {
  const expand = hmac(hmac(chainingKey)(material))
  const first = expand(one)
  const second = expand(first, two)
  return outputs === 2 ? [first, second] : [first, second, expand(second, three)]
}

/**
 * X25519 of our private key and a peer's raw public key; nothing if the peer's key is of low order.
 *
 * @since 0.1.0
 */
export const agree = (privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | undefined =>
  isLowOrder(publicKey)
    ? undefined
    : diffieHellman({ privateKey, publicKey: importPublic("X25519", publicKey) })

/**
 * Whether an X25519 public key is one of those whose result does not depend on our key.
 *
 * @since 0.1.0
 */
export const isLowOrder = (publicKey: Uint8Array): boolean => {
  if (!lowOrderStarts.has(publicKey[0])) return false
  const masked = Uint8Array.from(publicKey)
  // X25519 ignores the top bit, so each of these keys has two encodings.
  masked[keyBytes - 1] = (masked[keyBytes - 1] ?? 0) & 0x7f
  return lowOrder.has(hex(masked))
}

/** Whether an Ed25519 public key is one of the 14 encodings under which forged signatures verify. @since 0.1.0 */
export const isSmallOrder = (publicKey: Uint8Array): boolean => smallOrder.has(hex(publicKey))

/** Ed25519 signature of a message, 64 bytes. @since 0.1.0 */
export const sign = (privateKey: KeyObject, message: Uint8Array): Uint8Array =>
  signBytes(null, message, privateKey)

/** Whether a signature of a message is right under a raw Ed25519 public key. @since 0.1.0 */
export const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verifyBytes(null, message, importPublic("Ed25519", publicKey), signature)

/**
 * The key pair that belongs to 32 secret bytes: a raw X25519 private key or an Ed25519 seed.
 *
 * @since 0.1.0
 */
export const keyPair = (kind: "X25519" | "Ed25519", secret: Uint8Array): KeyPair => {
  // As JWK, whose import costs a fraction of that of a PKCS #8. Its public half is asked for and not looked at.
  const d = Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength).toString("base64url")
  const privateKey = createPrivateKey({ key: { kty: "OKP", crv: kind, d, x: "" }, format: "jwk" })
  const publicKey = kind === "X25519"
    ? diffieHellman({ privateKey, publicKey: importPublic("X25519", basePoint) })
    : createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-keyBytes)
  return { publicKey: Uint8Array.from(publicKey), privateKey }
}

/** Lower-case hexadecimal. @since 0.1.0 */
export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

const [one, two, three] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]

/** HMAC-SHA256 (RFC 2104) under a key of 32 bytes, of two hashes: the objects of Node cost more than the hashing. */
const hmac = (key: Uint8Array) => {
  const [inner, outer] = [padded(key, 0x36), padded(key, 0x5c)]
  return (...parts: ReadonlyArray<Uint8Array>): Uint8Array => sha256(outer, sha256(inner, ...parts))
}

const padded = (key: Uint8Array, byte: number): Uint8Array => {
  const block = new Uint8Array(2 * keyBytes).fill(byte)
  for (let at = 0; at < keyBytes; at++) block[at] = (key[at] ?? 0) ^ byte
  return block
}

// As JWK, because the import of an SPKI costs many times as much.
const importPublic = (crv: "X25519" | "Ed25519", publicKey: Uint8Array): KeyObject =>
  createPublicKey({
    key: {
      kty: "OKP",
      crv,
      x: Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString("base64url")
    },
    format: "jwk"
  })

const basePoint = Uint8Array.from({ length: keyBytes }, (_, at) => at === 0 ? 9 : 0)

const zeros = "00".repeat(30)
const ones = "ff".repeat(30)

const lowOrder: ReadonlySet<string> = new Set([
  `00${zeros}00`,
  `01${zeros}00`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${ones}7f`,
  `ed${ones}7f`,
  `ee${ones}7f`
])

/** The first bytes of those, which hardly any other key shares. */
const lowOrderStarts: ReadonlySet<number | undefined> = new Set(
  Array.from(lowOrder, (key) => Number.parseInt(key.slice(0, 2), 16))
)

const smallOrder: ReadonlySet<string> = new Set([
  `00${zeros}00`,
  `00${zeros}80`,
  `01${zeros}00`,
  `01${zeros}80`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  `ec${ones}7f`,
  `ec${ones}ff`,
  `ed${ones}7f`,
  `ed${ones}ff`,
  `ee${ones}7f`,
  `ee${ones}ff`
])
