/**
 * The Noise protocol framework with X25519, ChaCha20-Poly1305 and SHA-256, for any pattern.
 *
 * @since 0.1.0
 */
import type { KeyObject } from "node:crypto"
import * as Aead from "./Aead.js"
import * as Crypto from "./Crypto.js"
import * as Hkdf from "./Hkdf.js"
import type { KeyPair } from "./KeyPair.js"

/** What a message of a pattern carries or mixes in, as the Noise specification names it. @since 0.1.0 */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk"

/** @since 0.1.0 */
export interface Pattern {
  /** With its modifiers, such as `XXpsk0`. */
  readonly name: string
  /** The ends whose static key the other end knows beforehand, the initiator first. */
  readonly known: ReadonlyArray<"initiator" | "responder">
  /** The first message is the initiator's, and so on in turn. */
  readonly messages: ReadonlyArray<ReadonlyArray<Token>>
}

/** One end of a handshake to be. @since 0.1.0 */
export interface Setup {
  readonly pattern: Pattern
  readonly initiator: boolean
  readonly prologue: Uint8Array
  /** Where the pattern uses our static key. */
  readonly staticKey?: KeyPair
  /** Where the pattern has the other end's static key known beforehand. */
  readonly remoteStatic?: Uint8Array
  /** Pre-shared keys of 32 bytes, in the order of the pattern's `psk` tokens. */
  readonly psks?: ReadonlyArray<Uint8Array>
}

/** A message that was read. @since 0.1.0 */
export interface Opened {
  readonly payload: Uint8Array
  /** The handshake hash that the payload is bound to: that of the moment before it was encrypted. */
  readonly hash: Uint8Array
}

/** What a handshake ends with: a raw key a direction and the hash of all that was said. @since 0.1.0 */
export interface Keys {
  readonly initiatorToResponder: Uint8Array
  readonly responderToInitiator: Uint8Array
  readonly hash: Uint8Array
}

/**
 * A handshake in progress. `write` and `read` take turns as the pattern says; `split` ends it. After a failed `read`
 * it is of no further use. A call out of turn, or without a key that the pattern needs, throws.
 *
 * @since 0.1.0
 */
export class Noise {
  readonly #setup: Setup
  readonly #mixesEphemerals: boolean
  /** The first message without the pre-shared keys it begins with, which depend on nothing that is said. */
  readonly #opening: ReadonlyArray<Token>
  // Each in one place that is written over, so that no former secret stays behind.
  readonly #hash: Uint8Array
  readonly #chainingKey: Uint8Array
  readonly #key: Uint8Array
  #keyed = false
  #nonce = 0
  #message = 0
  #psks = 0
  #ephemeral: KeyPair | undefined
  #remoteEphemeral: Share | undefined
  #remoteStatic: Share | undefined

  /** At the beginning; `other` is what {@link fork} begins from. */
  constructor(setup: Setup, other?: Noise) {
    this.#setup = setup
    if (setup.remoteStatic !== undefined) this.#remoteStatic = new Share(setup.remoteStatic, true)
    if (other !== undefined) {
      this.#mixesEphemerals = other.#mixesEphemerals
      this.#opening = other.#opening
      this.#hash = other.#hash.slice()
      this.#chainingKey = other.#chainingKey.slice()
      this.#key = other.#key.slice()
      this.#keyed = other.#keyed
      this.#psks = other.#psks
      return
    }
    const { initiator, pattern, prologue, remoteStatic, staticKey } = setup
    this.#mixesEphemerals = pattern.messages.some((tokens) => tokens.includes("psk"))
    this.#hash = nameHash(`Noise_${pattern.name}_25519_ChaChaPoly_SHA256`)
    this.#chainingKey = this.#hash.slice()
    this.#key = new Uint8Array(Crypto.keyBytes)
    this.#mixHash(prologue)
    for (const end of pattern.known) {
      const ours = (end === "initiator") === initiator
      this.#mixHash(ours ? given(staticKey).publicKey : given(remoteStatic))
    }
    const tokens = pattern.messages[0] ?? []
    while (tokens[this.#psks] === "psk") this.#mixPsk()
    this.#opening = tokens.slice(this.#psks)
  }

  /** Another handshake of the same setup, spared the hashing that all have in common. This one must not have begun. */
  fork(): Noise {
    if (this.#message > 0) throw new Error("the handshake has begun")
    return new Noise(this.#setup, this)
  }

  /** The handshake hash so far. */
  get hash(): Uint8Array {
    return this.#hash.slice()
  }

  /** The next message of ours. The payload may depend on the hash it will be bound to, which is good for that call. */
  write(payloadFor: (hash: Uint8Array) => Uint8Array, ephemeral?: KeyPair): Uint8Array {
    const parts: Array<Uint8Array> = []
    for (const token of this.#nextTokens(true)) {
      switch (token) {
        case "e":
          this.#ephemeral = given(ephemeral)
          parts.push(this.#ephemeral.publicKey)
          this.#mixEphemeral(this.#ephemeral.publicKey)
          break
        case "s":
          this.#encrypt(given(this.#setup.staticKey).publicKey, parts)
          break
        case "psk":
          this.#mixPsk()
          break
        default:
          given(this.#agree(token))
      }
    }
    this.#encrypt(payloadFor(this.#hash), parts)
    return Buffer.concat(parts)
  }

  /** Reads the next message of the other end. */
  read(message: Uint8Array): Opened | "DecryptFailed" | "BadKeyShare" {
    let at = 0
    const tokens = this.#nextTokens(false)
    for (const token of tokens) {
      switch (token) {
        case "e": {
          // Copied: a key must not change with a buffer that its owner uses again.
          const bytes = new Uint8Array(message.subarray(at, at += Crypto.keyBytes))
          if (bytes.length < Crypto.keyBytes) return "DecryptFailed"
          this.#remoteEphemeral = new Share(bytes, false)
          this.#mixEphemeral(bytes)
          break
        }
        case "s": {
          const size = this.#keyed ? Crypto.keyBytes + Crypto.tagBytes : Crypto.keyBytes
          const bytes = this.#decrypt(message.subarray(at, at += size))
          if (bytes?.length !== Crypto.keyBytes) return "DecryptFailed"
          this.#remoteStatic = new Share(new Uint8Array(bytes), true)
          break
        }
        case "psk":
          this.#mixPsk()
          break
        default:
          if (this.#agree(token) === undefined) return "BadKeyShare"
      }
    }
    const hash = this.#hash.slice()
    const payload = this.#decrypt(message.subarray(at))
    if (payload === undefined) return "DecryptFailed"
    // A key that this message brought may be used by the next one we write, where nothing can be refused any more.
    if (tokens.includes("e") && given(this.#remoteEphemeral).handle === undefined) return "BadKeyShare"
    if (tokens.includes("s") && given(this.#remoteStatic).handle === undefined) return "BadKeyShare"
    return { payload, hash }
  }

  /** The keys of the session. The handshake's own secrets are dropped. */
  split(): Keys {
    if (this.#message < this.#setup.pattern.messages.length) throw new Error("the handshake is not complete")
    const initiatorToResponder = new Uint8Array(Crypto.keyBytes)
    const responderToInitiator = new Uint8Array(Crypto.keyBytes)
    Hkdf.derive(this.#chainingKey, nothing, [initiatorToResponder, responderToInitiator])
    this.#chainingKey.fill(0)
    this.#key.fill(0)
    this.#ephemeral = undefined
    return { initiatorToResponder, responderToInitiator, hash: this.#hash }
  }

  #nextTokens(writing: boolean): ReadonlyArray<Token> {
    const tokens = this.#message === 0 ? this.#opening : this.#setup.pattern.messages[this.#message]
    const ours = (this.#message % 2 === 0) === this.#setup.initiator
    if (tokens === undefined || ours !== writing) throw new Error("not a turn of this pattern")
    this.#message += 1
    return tokens
  }

  /** Mixes in what both ends agree on; nothing if the other end's key is of low order. */
  #agree(token: "ee" | "es" | "se" | "ss"): Uint8Array | undefined {
    // The first letter of a token names the initiator's key, the second the responder's.
    const { initiator, staticKey } = this.#setup
    const ours = token[initiator ? 0 : 1] === "e" ? this.#ephemeral : staticKey
    const theirs = token[initiator ? 1 : 0] === "e" ? this.#remoteEphemeral : this.#remoteStatic
    const { handle } = given(theirs)
    if (handle === undefined) return undefined
    const secret = Crypto.agree(given(ours).privateKey, handle)
    this.#mixKey(secret)
    return secret
  }

  #mixHash(data: Uint8Array, tag: Uint8Array = nothing): void {
    Crypto.rehash(this.#hash, data, tag)
  }

  #mixKey(material: Uint8Array): void {
    Hkdf.derive(this.#chainingKey, material, [this.#chainingKey, this.#key])
    this.#keyed = true
    this.#nonce = 0
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#mixHash(publicKey)
    if (this.#mixesEphemerals) this.#mixKey(publicKey)
  }

  #mixPsk(): void {
    const mixed = new Uint8Array(Crypto.keyBytes)
    const psk = given(this.#setup.psks?.[this.#psks++])
    Hkdf.derive(this.#chainingKey, psk, [this.#chainingKey, mixed, this.#key])
    this.#hash.set(Crypto.sha256(this.#hash, mixed))
    this.#keyed = true
    this.#nonce = 0
  }

  #encrypt(plaintext: Uint8Array, parts: Array<Uint8Array>): void {
    if (!this.#keyed) {
      parts.push(plaintext)
      return this.#mixHash(plaintext)
    }
    const { ciphertext, tag } = Aead.seal(this.#key, nonce(this.#nonce++), this.#hash, plaintext)
    parts.push(ciphertext, tag)
    this.#mixHash(ciphertext, tag)
  }

  #decrypt(text: Uint8Array): Uint8Array | undefined {
    let plaintext: Uint8Array | undefined = text
    if (this.#keyed) {
      const end = text.length - Crypto.tagBytes
      if (end < 0) return undefined
      plaintext = Aead.open(
        this.#key,
        nonce(this.#nonce++),
        this.#hash,
        text.subarray(0, end),
        text.subarray(end)
      )
    }
    this.#mixHash(text)
    return plaintext
  }
}

/** A public key of the other end, imported when it is first used and never again. */
class Share {
  readonly #bytes: Uint8Array
  readonly #lasting: boolean
  #handle: KeyObject | undefined

  constructor(bytes: Uint8Array, lasting: boolean) {
    this.#bytes = bytes
    this.#lasting = lasting
  }

  /** Nothing if the key is of low order. */
  get handle(): KeyObject | undefined {
    return this.#handle ??= Crypto.importShare(this.#bytes, this.#lasting)
  }
}

const nothing = new Uint8Array(0)

const nonces = new Uint8Array(12)

/** A key of a handshake seals a handful of texts, so one byte holds the count. Good until the next call. */
const nonce = (count: number): Uint8Array => {
  nonces[4] = count
  return nonces
}

const nameHash = (name: string): Uint8Array => {
  const bytes = new TextEncoder().encode(name)
  const hash = new Uint8Array(Crypto.keyBytes)
  hash.set(bytes.length > Crypto.keyBytes ? Crypto.sha256(bytes) : bytes)
  return hash
}

const given = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("the pattern needs a key that was not given")
  return value
}
