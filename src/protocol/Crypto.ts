/**
 * The primitives the handshake is made of, as functions of bytes: SHA-256, HKDF, X25519 and Ed25519.
 *
 * @since 0.1.0
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
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
export const sha256 = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

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
  const secret = hmac(chainingKey, material)
  const first = hmac(secret, Uint8Array.of(1))
  const second = hmac(secret, first, Uint8Array.of(2))
  return outputs === 2 ? [first, second] : [first, second, hmac(secret, second, Uint8Array.of(3))]
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
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8[kind], secret]),
    format: "der",
    type: "pkcs8"
  })
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-keyBytes)
  return { publicKey: Uint8Array.from(publicKey), privateKey }
}

/** Lower-case hexadecimal. @since 0.1.0 */
export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

const hmac = (key: Uint8Array, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const mac = createHmac("sha256", key)
  for (const part of parts) mac.update(part)
  return mac.digest()
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

const pkcs8 = {
  X25519: Buffer.from("302e020100300506032b656e04220420", "hex"),
  Ed25519: Buffer.from("302e020100300506032b657004220420", "hex")
}

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
