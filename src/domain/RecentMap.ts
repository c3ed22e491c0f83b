/**
 * A table of a limited size: where there is no room, the entry that was put for the longest time ago goes.
 *
 * @since 0.1.0
 */

interface Link<V> {
  readonly key: string
  value: V
  before: Link<V> | undefined
  after: Link<V> | undefined
}

/** No call costs more than O(1) steps. To put a key again moves nothing in a table of hashes. @since 0.1.0 */
export class RecentMap<V> {
  readonly #limit: number
  readonly #links = new Map<string, Link<V>>()
  #first: Link<V> | undefined
  #last: Link<V> | undefined

  /** A table with room for so many entries, one at least. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many entries there are. */
  get size(): number {
    return this.#links.size
  }

  /** The value of a key. */
  get(key: string): V | undefined {
    return this.#links.get(key)?.value
  }

  /** Gives a key a value, and makes it the last that goes. */
  put(key: string, value: V): void {
    const known = this.#links.get(key)
    if (known !== undefined) {
      known.value = value
      if (known === this.#last) return
      this.#unlink(known)
      this.#append(known)
      return
    }
    if (this.#links.size >= this.#limit && this.#first !== undefined) {
      this.#links.delete(this.#first.key)
      this.#unlink(this.#first)
    }
    const link: Link<V> = { key, value, before: undefined, after: undefined }
    this.#links.set(key, link)
    this.#append(link)
  }

  #unlink({ after, before }: Link<V>): void {
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
  }

  #append(link: Link<V>): void {
    link.before = this.#last
    link.after = undefined
    if (this.#last === undefined) this.#first = link
    else this.#last.after = link
    this.#last = link
  }
}
