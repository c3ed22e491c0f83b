/**
 * The primitives the handshake is made of, as functions of bytes: SHA-256, X25519 and Ed25519.
 *
 * @since 0.1.0
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes
} from "node:crypto"
import { RecentMap } from "../domain/RecentMap.js"
import type { KeyPair } from "./KeyPair.js"

/** Bytes of a hash, of a key of any kind and of an X25519 result. @since 0.1.0 */
export const keyBytes = 32

/** Bytes of an Ed25519 signature. @since 0.1.0 */
export const signatureBytes = 64

/** Bytes of a tag of the cipher. @since 0.1.0 */
export const tagBytes = 16

/** SHA-256 of the parts, one after the other. @since 0.1.0 */
export const sha256 = (...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  // By way of a string, because a digest that is a buffer costs twice as much.
  Buffer.from(hash("sha256", Buffer.concat(parts), "binary"), "binary")

/** Replaces a hash by that of itself and of public texts behind it. @since 0.1.0 */
export const rehash = (running: Uint8Array, first: Uint8Array, second: Uint8Array): void => {
  const end = keyBytes + first.length
  const length = end + second.length
  const input = length > room.length ? Buffer.allocUnsafe(length) : room
  input.set(running)
  input.set(first, keyBytes)
  input.set(second, end)
  input.write(hash("sha256", input.subarray(0, length), "binary"), "binary")
  running.set(input.subarray(0, keyBytes))
}

/**
 * A handle for a peer's raw X25519 public key; nothing if it is one of those whose result does not depend on our key.
 * One that is `lasting` is imported once for as long as it is met again.
 *
 * @since 0.1.0
 */
export const importShare = (publicKey: Uint8Array, lasting: boolean): KeyObject | undefined => {
  if (isAmong(lowOrder, publicKey)) return undefined
  return lasting ? met("X25519", publicKey) : imported("X25519", publicKey)
}

/** X25519 of our private key and a peer's public one. @since 0.1.0 */
export const agree = (privateKey: KeyObject, publicKey: KeyObject): Uint8Array =>
  diffieHellman({ privateKey, publicKey })

/** Whether an Ed25519 public key is one of the 14 encodings under which forged signatures verify. @since 0.1.0 */
export const isSmallOrder = (publicKey: Uint8Array): boolean => isAmong(smallOrder, publicKey)

/** Ed25519 signature of a message, 64 bytes. @since 0.1.0 */
export const sign = (privateKey: KeyObject, message: Uint8Array): Uint8Array =>
  signBytes(null, message, privateKey)

/** Whether a signature of a message is right under a raw Ed25519 public key. @since 0.1.0 */
export const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verifyBytes(null, message, met("Ed25519", publicKey), signature)

/**
 * The key pair that belongs to 32 secret bytes: a raw X25519 private key or an Ed25519 seed.
 *
 * @since 0.1.0
 */
export const keyPair = (kind: "X25519" | "Ed25519", secret: Uint8Array): KeyPair => {
  // As JWK, whose import costs a fraction of that of a PKCS #8. Its public half is asked for and not looked at.
  const privateKey = createPrivateKey({
    key: { kty: "OKP", crv: kind, d: base64url(secret), x: "" },
    format: "jwk"
  })
  const publicKey = kind === "X25519"
    ? agree(privateKey, basePoint ??= imported("X25519", basePointBytes))
    : createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-keyBytes)
  return { publicKey: new Uint8Array(publicKey), privateKey }
}

/** Lower-case hexadecimal. @since 0.1.0 */
export const hex = (bytes: Uint8Array): string => text(bytes, "hex")

/** Memory for what is hashed, enough for every message of ours. */
const room = Buffer.alloc(2_048)

/** How many keys of a kind are remembered: those of twice as many peers as a node has by default. */
const keysKept = 256

const kept = { X25519: new RecentMap<KeyObject>(keysKept), Ed25519: new RecentMap<KeyObject>(keysKept) }

/** A peer's lasting key, imported once for as long as it is met again: that is a tenth of what it is used for. */
const met = (kind: "X25519" | "Ed25519", publicKey: Uint8Array): KeyObject => {
  const name = text(publicKey, "latin1")
  const key = kept[kind].get(name) ?? imported(kind, publicKey)
  kept[kind].put(name, key)
  return key
}

/**
 * As JWK, for a text costs OpenSSL many times as much. Since 3.5 it is a few microseconds more than an object, of which
 * Node 24 finds out by errors what it is, for thrice as long.
 */
const imported = (kind: "X25519" | "Ed25519", publicKey: Uint8Array): KeyObject =>
  readsTexts
    ? createPublicKey(`${pem.head}${pem[kind]}${text(publicKey, "base64")}${pem.foot}`)
    : createPublicKey({ key: { kty: "OKP", crv: kind, x: base64url(publicKey) }, format: "jwk" })

/** Version 3.5 or later. */
const readsTexts = constants.OPENSSL_VERSION_NUMBER >= 0x30500000

/** A SubjectPublicKeyInfo (RFC 8410) up to the key itself, in a multiple of three bytes. */
const pem = {
  head: "-----BEGIN PUBLIC KEY-----\n",
  X25519: "MCowBQYDK2VuAyEA",
  Ed25519: "MCowBQYDK2VwAyEA",
  foot: "\n-----END PUBLIC KEY-----\n"
} as const

const base64url = (bytes: Uint8Array): string => text(bytes, "base64url")

/** Of a copy: asked for their memory, the bytes of a key would move out of the heap for good. */
const text = (bytes: Uint8Array, encoding: BufferEncoding): string => Buffer.from(bytes).toString(encoding)

const basePointBytes = Uint8Array.from({ length: keyBytes }, (_, at) => at === 0 ? 9 : 0)

/** Made when it is first needed: a real node never does. */
let basePoint: KeyObject | undefined

const zeros = "00".repeat(30)
const ones = "ff".repeat(30)

/** Keys by their first byte, which they share with hardly any other. */
type Refused = ReadonlyMap<number | undefined, Uint8Array>

const refused = (...keys: ReadonlyArray<string>): Refused =>
  new Map(keys.map((key) => Buffer.from(key, "hex")).map((key) => [key[0], key]))

/** X25519 ignores the top bit and Ed25519 takes it for a sign: each of the keys is refused with it and without. */
const isAmong = (keys: Refused, publicKey: Uint8Array): boolean => {
  const key = keys.get(publicKey[0])
  if (key === undefined) return false
  const last = keyBytes - 1
  for (let at = 0; at < last; at++) if (publicKey[at] !== key[at]) return false
  return ((publicKey[last] ?? 0) & 0x7f) === key[last]
}

const lowOrder = refused(
  `00${zeros}00`,
  `01${zeros}00`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${ones}7f`,
  `ed${ones}7f`,
  `ee${ones}7f`
)

const smallOrder = refused(
  `00${zeros}00`,
  `01${zeros}00`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${ones}7f`,
  `ed${ones}7f`,
  `ee${ones}7f`
)
