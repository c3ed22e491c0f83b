/**
 * Hands what happens to every subscriber, without ever waiting for one: what a subscriber leaves untaken beyond its
 * limit is dropped and counted.
 */
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Signal } from "./signal.js"

export interface Options<A> {
  /** Bounds the sum of `sizeOf` over what one subscriber has not taken. */
  readonly limit: number
  /** How many of the first items are kept for the first subscriber, so that it misses nothing of the start. */
  readonly early: number
  readonly sizeOf: (item: A) => number
  /** For items that lie in greater memory, none of which can be given back while one of them waits. */
  readonly packing?: Packing<A>
}

export interface Packing<A> {
  /** The memory that an item lies in. */
  readonly memoryOf: (item: A) => ArrayBufferLike
  /** The same items in memory that they fill. */
  readonly pack: (items: ReadonlyArray<A>) => Array<A>
}

export class Hub<A> {
  readonly #options: Options<A>
  /** Never changed, but replaced: a taker may come or go while all are given something. */
  #subscribers: ReadonlyArray<Taker<A>> = []
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
    this.#give([item])
  }

  /**
   * Gives items that are missed: without any subscriber they count as dropped. None is kept from the start. The list
   * must not be changed afterwards.
   */
  deliver(items: ReadonlyArray<A>): void {
    if (this.#subscribers.length === 0) this.#dropped += items.length
    else this.#give(items)
  }

  readonly #enter = Effect.sync(() => {
    const subscriber = new Subscriber(this.#options)
    for (const item of this.#early ?? []) subscriber.keep(item)
    this.#early = undefined
    if (this.#ended) subscriber.end()
    else this.#add(subscriber)
    return subscriber
  })

  /** A place from now on, and what comes to it. The first to subscribe gets what was kept from the start, too. */
  readonly subscribe: Effect.Effect<Stream.Stream<A>, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(this.#enter, (subscriber) => this.#leave(subscriber)),
    ({ all }) => Stream.fromChannel(all)
  )

  /** Everything published from the moment the stream is run. */
  readonly stream: Stream.Stream<A> = Stream.fromChannel(
    Channel.acquireUseRelease(this.#enter, ({ all }) => all, (subscriber) => this.#leave(subscriber))
  )

  /**
   * Calls a function with what is given, in the step that gives it, until the end; dies of what it throws.
   */
  receive(take: (items: ReadonlyArray<A>) => void): Effect.Effect<void> {
    return Effect.async((resume) => {
      const taker: Taker<A> = {
        offer: (items) => {
          try {
            take(items)
          } catch (defect) {
            this.#remove(taker)
            resume(Effect.die(defect))
          }
          return 0
        },
        end: () => resume(Effect.void)
      }
      if (this.#ended) taker.end()
      else this.#add(taker)
      return Effect.sync(() => this.#remove(taker))
    })
  }

  /** Ends every stream once what waits in it has been taken. */
  end(): void {
    this.#ended = true
    for (const subscriber of this.#subscribers) subscriber.end()
    this.#subscribers = []
  }

  #give(items: ReadonlyArray<A>): void {
    for (const subscriber of this.#subscribers) this.#dropped += subscriber.offer(items)
  }

  #add(taker: Taker<A>): void {
    this.#subscribers = [...this.#subscribers, taker]
  }

  #remove(taker: Taker<A>): void {
    this.#subscribers = this.#subscribers.filter((one) => one !== taker)
  }

  #leave(subscriber: Subscriber<A>): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#remove(subscriber)
      subscriber.leave()
    })
  }
}

interface Taker<A> {
  /** Takes items, and returns how many of them are lost. The list must not be changed afterwards. */
  readonly offer: (items: ReadonlyArray<A>) => number
  readonly end: () => void
}

/**
 * What one subscriber has not taken. All of it is taken at once, which a mailbox would do with twice the steps of a
 * fiber, and then without knowing when.
 */
class Subscriber<A> implements Taker<A> {
  readonly #options: Options<A>
  readonly #changed = new Signal()
  #items: ReadonlyArray<A> = []
  /** The same list, if it is our own. */
  #added: Array<A> | undefined
  /** Sum of their sizes. */
  #waiting = 0
  /** Bytes of the memory that has come with them since they were packed, and the last one of it. */
  #held = 0
  #memory: ArrayBufferLike | undefined
  #ended = false

  constructor(options: Options<A>) {
    this.#options = options
  }

  /** Takes what its limit permits and returns how many items are lost. The list must not be changed afterwards. */
  offer(items: ReadonlyArray<A>): number {
    const { limit, sizeOf } = this.#options
    let size = 0
    for (const item of items) size += sizeOf(item)
    let lost = 0
    if (this.#items.length === 0 && size <= limit) {
      this.#items = items
      this.#waiting = size
    } else lost = this.#gather(items)
    this.#hold(items)
    this.#changed.raise()
    return lost
  }

  /** Takes an item whatever its size. */
  keep(item: A): void {
    this.#waiting += this.#options.sizeOf(item)
    this.#own().push(item)
  }

  end(): void {
    this.#ended = true
    this.#changed.raise()
  }

  /** Ends at once. */
  leave(): void {
    this.#take()
    this.end()
  }

  /** What waits, time and again, until the end. */
  readonly all: Channel.Channel<Chunk.Chunk<A>> = Channel.suspend(() => {
    if (this.#items.length > 0) return Channel.zipRight(Channel.write(this.#take()), this.all)
    return this.#ended ? Channel.void : Channel.zipRight(Channel.fromEffect(this.#changed.next()), this.all)
  })

  #gather(items: ReadonlyArray<A>): number {
    const { limit, sizeOf } = this.#options
    const own = this.#own()
    let lost = 0
    for (const item of items) {
      const size = sizeOf(item)
      // The first one always fits, or the longest of all could never come.
      if (this.#waiting > 0 && this.#waiting + size > limit) lost++
      else {
        this.#waiting += size
        own.push(item)
      }
    }
    return lost
  }

  /** Packs what waits as soon as it holds twice the memory that it may: a peer could make it a thousand times. */
  #hold(items: ReadonlyArray<A>): void {
    const { limit, packing } = this.#options
    if (packing === undefined) return
    for (const item of items) {
      const memory = packing.memoryOf(item)
      if (memory === this.#memory) continue
      this.#memory = memory
      this.#held += memory.byteLength
    }
    if (this.#held <= 2 * limit) return
    this.#items = this.#added = packing.pack(this.#items)
    this.#held = 0
    this.#memory = undefined
  }

  /** A list that can be added to: one that was offered belongs to all. */
  #own(): Array<A> {
    const own = this.#added ?? [...this.#items]
    this.#items = this.#added = own
    return own
  }

  #take(): Chunk.Chunk<A> {
    const items = this.#items
    this.#items = []
    this.#added = undefined
    this.#waiting = this.#held = 0
    this.#memory = undefined
    return Chunk.unsafeFromArray(items)
  }
}
