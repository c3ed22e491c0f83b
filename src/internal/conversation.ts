/**
 * Busy polling, for two ends that answer each other at once: the event loop is kept from falling asleep for the moment
 * that the next answer takes. To be woken costs a process more than to read, to open and to answer a message.
 *
 * @since 0.1.0
 */

/** What the time and the turns of an event loop are taken from. @since 0.1.0 */
export interface Loop {
  /** Milliseconds that never run backwards. */
  readonly now: () => number
  /** Calls once more in the next turn, whatever comes in it; until then the loop does not sleep. */
  readonly next: (call: () => void) => void
}

const nodeLoop: Loop = { now: () => performance.now(), next: (call) => void setImmediate(call) }

/** The longest time in milliseconds: no heartbeat, not even one of a peer that asks too often, is as quick. */
const mostMillis = 10

/** Keeps a loop awake; one for all connections of a transport. @since 0.1.0 */
export class BusyPoll {
  /** How long at a time, in milliseconds. */
  readonly millis: number
  readonly #loop: Loop
  readonly #poll = (): void => {
    if (this.#loop.now() < this.#untilMillis) this.#loop.next(this.#poll)
    else this.#polling = false
  }
  #untilMillis = 0
  #polling = false

  constructor(millis: number, loop = nodeLoop) {
    this.millis = Math.min(millis, mostMillis)
    this.#loop = loop
  }

  now(): number {
    return this.#loop.now()
  }

  /** For that long from a moment on. Everything else that a turn of the loop brings goes on. */
  extend(nowMillis: number): void {
    this.#untilMillis = nowMillis + this.millis
    if (this.#polling) return
    this.#polling = true
    this.#loop.next(this.#poll)
  }
}

/** As many quick answers in a row make a conversation: more than a handshake or a heartbeat has. */
const quickAnswers = 4

/**
 * Whether a connection is one of quick answers: something came, something was written, and the next came within the
 * time for which the loop can be kept awake, some times in a row. Neither what flows in one direction does so, nor a
 * heartbeat; and whoever stops answering is waited for once.
 *
 * @since 0.1.0
 */
export class Conversation {
  readonly #poll: BusyPoll
  #heardMillis = Number.NEGATIVE_INFINITY
  #answered = false
  /** Quick answers in a row. */
  #quick = 0

  constructor(poll: BusyPoll) {
    this.#poll = poll
  }

  /** Something has come; if it is one of many quick answers, the loop waits awake for the next. */
  heard(): void {
    const now = this.#poll.now()
    this.#quick = this.#answered && now - this.#heardMillis < this.#poll.millis ? this.#quick + 1 : 0
    this.#heardMillis = now
    this.#answered = false
    if (this.#quick >= quickAnswers) this.#poll.extend(now)
  }

  /** Something was written. */
  wrote(): void {
    this.#answered = true
  }
}
