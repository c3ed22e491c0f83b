/**
 * Hands what happens to every subscriber, without ever waiting for one: what a subscriber leaves untaken beyond its
 * limit is dropped and counted.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const done = Exit.void

interface Subscriber<A> {
  readonly mailbox: Mailbox.Mailbox<A>
  /** Sum of the sizes of what waits in the mailbox. */
  waiting: number
}

export interface Options<A> {
  /** Bounds the sum of `sizeOf` over what one subscriber has not taken. */
  readonly limit: number
  /** How many of the first items are kept for the first subscriber, so that it misses nothing of the start. */
  readonly early: number
  readonly sizeOf: (item: A) => number
}

export class Hub<A> {
  readonly #options: Options<A>
  readonly #subscribers = new Set<Subscriber<A>>()
  /** Nothing once the first subscriber has come. */
  #early: Array<A> | undefined = []
  #dropped = 0
  #ended = false

  constructor(options: Options<A>) {
    this.#options = options
  }

  /** Items that some subscriber could not hold, and those delivered to nobody. */
  get dropped(): number {
    return this.#dropped
  }

  /** Gives an item to all subscribers. */
  publish(item: A): void {
    if (this.#early !== undefined && this.#early.length < this.#options.early) this.#early.push(item)
    const size = this.#options.sizeOf(item)
    for (const subscriber of this.#subscribers) {
      // The first one always fits, or the longest of all could never come.
      if (subscriber.waiting > 0 && subscriber.waiting + size > this.#options.limit) {
        this.#dropped++
        continue
      }
      subscriber.waiting += size
      subscriber.mailbox.unsafeOffer(item)
    }
  }

  /** The same, for items that are missed: without any subscriber the item counts as dropped. */
  deliver(item: A): void {
    if (this.#subscribers.size === 0) this.#dropped++
    else this.publish(item)
  }

  /** A place from now on, and what comes to it. The first to subscribe gets what was kept from the start, too. */
  readonly subscribe: Effect.Effect<Stream.Stream<A>, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.map(Mailbox.make<A>(), (mailbox) => this.#add({ mailbox, waiting: 0 })),
      (subscriber) => {
        this.#subscribers.delete(subscriber)
        return subscriber.mailbox.shutdown
      }
    ),
    (subscriber) =>
      Stream.mapChunks(Mailbox.toStream(subscriber.mailbox), (items) => {
        subscriber.waiting -= Chunk.reduce(items, 0, (sum, item) => sum + this.#options.sizeOf(item))
        return items
      })
  )

  /** Everything published from the moment the stream is run. */
  readonly stream: Stream.Stream<A> = Stream.unwrapScoped(this.subscribe)

  /** Ends every stream once what waits in it has been taken. */
  end(): void {
    this.#ended = true
    for (const subscriber of this.#subscribers) subscriber.mailbox.unsafeDone(done)
    this.#subscribers.clear()
  }

  #add(subscriber: Subscriber<A>): Subscriber<A> {
    for (const item of this.#early ?? []) {
      subscriber.waiting += this.#options.sizeOf(item)
      subscriber.mailbox.unsafeOffer(item)
    }
    this.#early = undefined
    if (this.#ended) subscriber.mailbox.unsafeDone(done)
    else this.#subscribers.add(subscriber)
    return subscriber
  }
}
