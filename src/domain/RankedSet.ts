/**
 * A set whose members have ranks: the lowest comes out first, and any rank can be changed, each in O(log n) steps.
 *
 * @since 0.1.0
 */

interface Ranked<A> {
  readonly member: A
  readonly rank: number
}

/** @since 0.1.0 */
export class RankedSet<A> {
  /** A binary heap: a node's rank is never above those of its children at `2i + 1` and `2i + 2`. */
  readonly #heap: Array<Ranked<A>> = []
  readonly #places = new Map<A, number>()

  /** How many members there are. */
  get size(): number {
    return this.#heap.length
  }

  /** Adds a member, or changes the rank of one that is in. */
  set(member: A, rank: number): void {
    const place = this.#places.get(member) ?? this.#heap.length
    this.#settle({ member, rank }, place)
  }

  /** Takes a member out, if it is in. */
  delete(member: A): void {
    const place = this.#places.get(member)
    if (place === undefined) return
    this.#places.delete(member)
    const last = this.#heap.pop()
    if (last !== undefined && last.member !== member) this.#settle(last, place)
  }

  /** Takes out the member with the lowest rank. */
  shift(): A | undefined {
    const member = this.#heap[0]?.member
    if (member !== undefined) this.delete(member)
    return member
  }

  /** Puts a node where it belongs, starting at a place that is free for it. */
  #settle(node: Ranked<A>, start: number): void {
    let place = start
    for (
      let up = this.#heap[(place - 1) >> 1];
      place > 0 && up !== undefined && up.rank > node.rank;
      up = this.#heap[(place - 1) >> 1]
    ) {
      this.#put(up, place)
      place = (place - 1) >> 1
    }
    for (let down = this.#lowerChild(place); down !== undefined; down = this.#lowerChild(place)) {
      if (down.node.rank >= node.rank) break
      this.#put(down.node, place)
      place = down.place
    }
    this.#put(node, place)
  }

  #lowerChild(place: number): { readonly node: Ranked<A>; readonly place: number } | undefined {
    const left = this.#heap[2 * place + 1]
    const right = this.#heap[2 * place + 2]
    if (left === undefined) return undefined
    return right !== undefined && right.rank < left.rank
      ? { node: right, place: 2 * place + 2 }
      : { node: left, place: 2 * place + 1 }
  }

  #put(node: Ranked<A>, place: number): void {
    this.#heap[place] = node
    this.#places.set(node.member, place)
  }
}
