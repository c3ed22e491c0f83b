/**
 * The Noise protocol framework with X25519, ChaCha20-Poly1305 and SHA-256, for any pattern.
 *
 * @since 0.1.0
 */
import * as Aead from "./Aead.js"
import * as Crypto from "./Crypto.js"
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
  readonly #psks: Array<Uint8Array>
  readonly #mixesEphemerals: boolean
  #message = 0
  #hash: Uint8Array
  #chainingKey: Uint8Array
  #key: Uint8Array | undefined
  #nonce = 0
  #ephemeral: KeyPair | undefined
  #remoteEphemeral: Uint8Array | undefined
  #remoteStatic: Uint8Array | undefined

  constructor(setup: Setup) {
    this.#setup = setup
    this.#psks = [...setup.psks ?? []]
    this.#mixesEphemerals = setup.pattern.messages.some((tokens) => tokens.includes("psk"))
    this.#remoteStatic = setup.remoteStatic
    this.#hash = nameHash(`Noise_${setup.pattern.name}_25519_ChaChaPoly_SHA256`)
    this.#chainingKey = this.#hash
    this.#mixHash(setup.prologue)
    for (const end of setup.pattern.known) {
      const ours = (end === "initiator") === setup.initiator
      this.#mixHash(ours ? given(setup.staticKey).publicKey : given(setup.remoteStatic))
    }
  }

  /** The handshake hash so far. */
  get hash(): Uint8Array {
    return this.#hash
  }

  /** The next message of ours. The payload may depend on the hash it will be bound to. */
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
          parts.push(this.#encrypt(given(this.#setup.staticKey).publicKey))
          break
        case "psk":
          this.#mixPsk()
          break
        default:
          this.#mixKey(given(this.#agree(token)))
      }
    }
    parts.push(this.#encrypt(payloadFor(this.#hash)))
    return Buffer.concat(parts)
  }

  /** Reads the next message of the other end. */
  read(message: Uint8Array): Opened | "DecryptFailed" | "BadKeyShare" {
    let rest = message
    const take = (size: number): Uint8Array => {
      const taken = rest.subarray(0, size)
      rest = rest.subarray(size)
      return taken
    }
    const tokens = this.#nextTokens(false)
    for (const token of tokens) {
      switch (token) {
        case "e":
          // Copied: a key must not change with a buffer that its owner uses again.
          this.#remoteEphemeral = take(Crypto.keyBytes).slice()
          if (this.#remoteEphemeral.length < Crypto.keyBytes) return "DecryptFailed"
          this.#mixEphemeral(this.#remoteEphemeral)
          break
        case "s":
          this.#remoteStatic = this.#decrypt(
            take(this.#key === undefined ? Crypto.keyBytes : Crypto.keyBytes + tagBytes)
          )
          if (this.#remoteStatic?.length !== Crypto.keyBytes) return "DecryptFailed"
          break
        case "psk":
          this.#mixPsk()
          break
        default: {
          const shared = this.#agree(token)
          if (shared === undefined) return "BadKeyShare"
          this.#mixKey(shared)
        }
      }
    }
    const hash = this.#hash
    const payload = this.#decrypt(rest)
    if (payload === undefined) return "DecryptFailed"
    // A key that this message brought may be used by the next one we write, where nothing can be refused any more.
    if (tokens.includes("e") && Crypto.isLowOrder(given(this.#remoteEphemeral))) return "BadKeyShare"
    if (tokens.includes("s") && Crypto.isLowOrder(given(this.#remoteStatic))) return "BadKeyShare"
    return { payload, hash }
  }

  /** The keys of the session. The handshake's own secrets are dropped. */
  split(): Keys {
    if (this.#message < this.#setup.pattern.messages.length) throw new Error("the handshake is not complete")
    const [initiatorToResponder, responderToInitiator] = Crypto.hkdf(this.#chainingKey, new Uint8Array(0), 2)
    this.#chainingKey.fill(0)
    this.#ephemeral = undefined
    this.#key?.fill(0)
    this.#key = undefined
    return { initiatorToResponder, responderToInitiator, hash: this.#hash }
  }

  #nextTokens(writing: boolean): ReadonlyArray<Token> {
    const tokens = this.#setup.pattern.messages[this.#message]
    const ours = (this.#message % 2 === 0) === this.#setup.initiator
    if (tokens === undefined || ours !== writing) throw new Error("not a turn of this pattern")
    this.#message += 1
    return tokens
  }

  /** The first letter of a token names the initiator's key, the second the responder's. */
  #agree(token: "ee" | "es" | "se" | "ss"): Uint8Array | undefined {
    const [ours, theirs] = this.#setup.initiator ? [token[0], token[1]] : [token[1], token[0]]
    return Crypto.agree(
      given(ours === "e" ? this.#ephemeral : this.#setup.staticKey).privateKey,
      given(theirs === "e" ? this.#remoteEphemeral : this.#remoteStatic)
    )
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = Crypto.sha256(this.#hash, data)
  }

  #mixKey(material: Uint8Array): void {
    const [chainingKey, key] = Crypto.hkdf(this.#chainingKey, material, 2)
    this.#chainingKey = chainingKey
    this.#useKey(key)
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#mixHash(publicKey)
    if (this.#mixesEphemerals) this.#mixKey(publicKey)
  }

  #mixPsk(): void {
    const [chainingKey, mixed, key] = Crypto.hkdf(this.#chainingKey, given(this.#psks.shift()), 3)
    this.#chainingKey = chainingKey
    this.#mixHash(mixed)
    this.#useKey(key)
  }

  #useKey(key: Uint8Array): void {
    this.#key?.fill(0)
    this.#key = key
    this.#nonce = 0
  }

  #encrypt(plaintext: Uint8Array): Uint8Array {
    let text = plaintext
    if (this.#key !== undefined) {
      const { ciphertext, tag } = Aead.seal(this.#key, nonce(this.#nonce++), this.#hash, plaintext)
      text = Buffer.concat([ciphertext, tag])
    }
    this.#mixHash(text)
    return text
  }

  #decrypt(text: Uint8Array): Uint8Array | undefined {
    let plaintext: Uint8Array | undefined = text
    if (this.#key !== undefined) {
      const end = text.length - tagBytes
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

const tagBytes = 16

/** A key of a handshake seals a handful of texts, so one byte holds the count. */
const nonce = (count: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0)

const nameHash = (name: string): Uint8Array => {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length > Crypto.keyBytes) return Crypto.sha256(bytes)
  const padded = new Uint8Array(Crypto.keyBytes)
  padded.set(bytes)
  return padded
}

const given = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("the pattern needs a key that was not given")
  return value
}
