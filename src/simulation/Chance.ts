/**
 * Chance that a seed decides: the same draws in every process and on every version of Node.
 *
 * @since 0.1.0
 */
import * as Hash from "effect/Hash"

/** A stream of draws: the generator sfc32, in whole numbers of 32 bits. @since 0.1.0 */
export class Chance {
  readonly #seed: number
  readonly #name: string
  #a: number
  #b: number
  #c = 0
  #count = 1

  /** The stream of that name under a seed, an integer of 0 to 2^32 - 1. */
  constructor(seed: number, name = "") {
    this.#seed = seed
    this.#name = name
    this.#a = seed | 0
    this.#b = Hash.string(name)
    for (let left = warmUp; left > 0; left--) this.#bits()
  }

  /** A stream of its own: how much is drawn from one changes nothing in the others. */
  fork(name: string): Chance {
    return new Chance(this.#seed, `${this.#name}/${name}`)
  }

  /** At least 0 and less than 1. */
  next(): number {
    return (this.#bits() >>> 0) / 2 ** 32
  }

  /** A whole number of at least 0 and less than `bound`, which is 1 or more and at most 2^32. */
  below(bound: number): number {
    return Math.floor((this.#bits() >>> 0) / 2 ** 32 * bound)
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True in a fraction of the cases, from 0 (never) to 1 (always). */
  hits(fraction: number): boolean {
    return fraction > 0 && this.next() < fraction
  }

  /** One of them; there must be one. */
  pick<A>(items: ReadonlyArray<A>): A {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError("nothing to pick from")
    return item
  }

  /** The same items in another order. */
  shuffle<A>(items: ReadonlyArray<A>): Array<A> {
    const left = [...items]
    return items.map(() => {
      const [item] = left.splice(this.below(left.length), 1)
      return item as A
    })
  }

  /** `size` bytes. */
  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    let bits = 0
    for (let at = 0; at < size; at++) {
      bits = at % 4 === 0 ? this.#bits() : bits >>> 8
      bytes[at] = bits
    }
    return bytes
  }

  /** The next 32 bits, as a number with a sign. */
  #bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum
  }
}

/** So many draws mix a seed well; its author proposes 12 for seeds of fewer bits. */
const warmUp = 15
