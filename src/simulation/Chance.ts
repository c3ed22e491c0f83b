/**
 * Chance that a seed decides: the same draws in every process and on every version of Node.
 *
 * @since 0.1.0
 */
import * as Hash from "effect/Hash"
import * as Utils from "effect/Utils"

/** A stream of draws. @since 0.1.0 */
export class Chance {
  readonly #seed: number
  readonly #name: string
  readonly #source: Utils.PCGRandom

  /** The stream of that name under a seed, an integer of 0 to 2^32 - 1. */
  constructor(seed: number, name = "") {
    this.#seed = seed
    this.#name = name
    this.#source = new Utils.PCGRandom(seed, Hash.string(name))
  }

  /** A stream of its own: how much is drawn from one changes nothing in the others. */
  fork(name: string): Chance {
    return new Chance(this.#seed, `${this.#name}/${name}`)
  }

  /** At least 0 and less than 1. */
  next(): number {
    return this.#source.number()
  }

  /** A whole number of at least 0 and less than `bound`, which is 1 or more. */
  below(bound: number): number {
    return Math.floor(this.#source.number() * bound)
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True in a fraction of the cases, from 0 (never) to 1 (always). */
  hits(fraction: number): boolean {
    return fraction > 0 && this.#source.number() < fraction
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
    return Uint8Array.from({ length: size }, () => this.below(256))
  }
}
