/**
 * ChaCha20-Poly1305 in WebAssembly: for short texts, where a call of OpenSSL costs several times what its work does.
 *
 * @since 0.1.0
 */
import type { WasmContext } from "@chainsafe/as-chacha20poly1305/lib/src/wasm.js"
// The code alone: what stands around it in that package compiles it at once, compares tags in a time that tells how
// much of them is right, and hands out what it has decrypted before.
import { wasmCode } from "@chainsafe/as-chacha20poly1305/lib/src/wasmCode.js"
import { tagBytes } from "./Crypto.js"

/** Bytes of the longest text for which this is the quicker way. @since 0.1.0 */
export const maxBytes = 384

/** Bytes of the longest associated data. @since 0.1.0 */
export const maxAdBytes = 32

/**
 * Encrypts a text in two pieces to `target` at `at`, and writes its tag there at `tagAt`.
 *
 * @since 0.1.0
 */
export const seal = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  head: Uint8Array,
  rest: Uint8Array,
  target: Uint8Array,
  at: number,
  tagAt: number
): void => {
  const { code, inputAt, memory, outputAt, tagAt: from } = machine ??= new Machine()
  const length = head.length + rest.length
  machine.load(key, nonce, ad)
  if (head.length > 0) memory.set(head, inputAt)
  memory.set(rest, inputAt + head.length)
  code.sealUpdate(true, true, length, length, ad.length)
  copy(memory, from, target, tagAt, tagBytes)
  copy(memory, outputAt, target, at, length)
  machine.wipe(length)
}

/**
 * Decrypts what lies from `start` to `end`, with the tag that lies at `tagAt`, into memory that nobody uses again;
 * nothing if anything was changed.
 *
 * @since 0.1.0
 */
export const open = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  text: Uint8Array,
  start: number,
  end: number,
  tag: Uint8Array,
  tagAt: number
): Uint8Array | undefined => {
  const { code, inputAt, memory, outputAt, tagAt: from } = machine ??= new Machine()
  const length = end - start
  machine.load(key, nonce, ad)
  copy(text, start, memory, inputAt, length)
  code.openUpdate(true, true, length, length, ad.length)
  // All of the tag is looked at, whatever is wrong with it.
  let difference = tag.length - tagAt < tagBytes ? 1 : 0
  for (let index = 0; index < tagBytes; index++) {
    difference |= (tag[tagAt + index] ?? 0) ^ (memory[from + index] ?? 0)
  }
  let plaintext: Uint8Array | undefined
  if (difference === 0) {
    // From the pool of Node, which costs a third of memory by itself.
    plaintext = Buffer.allocUnsafe(length)
    copy(memory, outputAt, plaintext, 0, length)
  }
  machine.wipe(length)
  return plaintext
}

/** Without the two views that a call of `set` would need, which are dearer than a short text. */
const copy = (from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void => {
  for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0
}

/** The part of the global object that is used here, which the types of Node leave out. */
declare const WebAssembly: {
  readonly Module: new(code: Uint8Array) => object
  readonly Instance: new(module: object, imports: object) => { readonly exports: unknown }
}

type Code = WasmContext & { readonly poly1305Output: { readonly value: number } }

/** The compiled code and the places of its memory: asking it for them each time would cost as much as a short text. */
class Machine {
  readonly code: Code
  readonly memory: Uint8Array
  readonly inputAt: number
  readonly outputAt: number
  readonly tagAt: number
  readonly #keyAt: number
  readonly #nonceAt: number
  readonly #adAt: number
  readonly #streamKeyAt: number
  readonly #streamInputAt: number
  readonly #tagKeyAt: number

  constructor() {
    const abort = (): never => {
      throw new Error("the cipher was called with what it cannot take")
    }
    const code = new WebAssembly.Instance(new WebAssembly.Module(wasmCode), { env: { abort } })
      .exports as Code
    this.code = code
    this.memory = new Uint8Array(code.memory.buffer)
    this.inputAt = code.cpInput.value
    this.outputAt = code.chacha20Output.value
    this.tagAt = code.poly1305Output.value
    this.#keyAt = code.cpKey.value
    this.#nonceAt = code.cpNonce.value
    this.#adAt = code.cpAssociatedData.value
    this.#streamKeyAt = code.chacha20Key.value
    this.#streamInputAt = code.chacha20Input.value
    this.#tagKeyAt = code.poly1305Key.value
  }

  load(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array): void {
    this.memory.set(key, this.#keyAt)
    this.memory.set(nonce, this.#nonceAt)
    this.memory.set(ad, this.#adAt)
  }

  /** Keys and texts do not stay in memory that all sessions share. Each key lies shortly before its texts. */
  wipe(length: number): void {
    this.memory.fill(0, this.#keyAt, this.inputAt + length)
    this.memory.fill(0, this.#streamKeyAt, this.outputAt + length)
    this.memory.fill(0, this.#streamInputAt, this.#streamInputAt + length)
    this.memory.fill(0, this.#tagKeyAt, this.#tagKeyAt + 32)
  }
}

/** Made by the first text, for it takes two milliseconds. */
let machine: Machine | undefined
