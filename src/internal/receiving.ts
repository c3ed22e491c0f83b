/**
 * The receiving end of a connection: chunks from wherever they come to the function that takes them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Option from "effect/Option"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type { Receiver, TransportError } from "../services/Transport.js"

/**
 * What comes next: a chunk, or how the receiving ends; nothing if that has to be waited for.
 *
 * @since 0.1.0
 */
export type Next = Uint8Array | Effect.Effect<Option.Option<never>, TransportError> | undefined

/**
 * One receiver at a time. Whoever brings bytes says so by `wake`.
 *
 * @since 0.1.0
 */
export class Receiving {
  readonly next: () => Next
  readonly atOnce: boolean
  #reception: Pick<Reception<unknown>, "wake" | "drained"> | undefined

  /** Chunks are handed on `atOnce` if they come outside of any step of a fiber; else by the receiving one's scheduler. */
  constructor(next: () => Next, atOnce = false) {
    this.next = next
    this.atOnce = atOnce
  }

  /** As `Connection.receive` says. */
  receive<A>(receiver: Receiver<A>): Effect.Effect<Option.Option<A>, TransportError> {
    return Effect.withFiberRuntime((fiber, { runtimeFlags }) =>
      Effect.async((resume) => {
        const interruptible = RuntimeFlags.interruptible(runtimeFlags)
        const reception = new Reception(this, receiver, fiber, interruptible, resume)
        this.#reception = reception
        receiver.begun?.((said) => reception.end(Effect.succeedSome(said)))
        reception.pump()
      })
    )
  }

  /** Something has come, or the end. */
  wake(): void {
    this.#reception?.wake()
  }

  /** The outgoing buffer is below its mark again. */
  drained(): void {
    this.#reception?.drained()
  }

  /** Nobody receives any more. */
  ended(reception: Pick<Reception<unknown>, "wake" | "drained">): void {
    if (this.#reception === reception) this.#reception = undefined
  }
}

/** How the receiving ends for the fiber that waits. */
type Outcome<A> = Effect.Effect<Option.Option<A>, TransportError>

class Reception<A> {
  readonly #receiving: Receiving
  readonly #receiver: Receiver<A>
  readonly #fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly #interruptible: boolean
  readonly #resume: (outcome: Outcome<A>) => void
  #scheduled = false
  #ended = false

  constructor(
    receiving: Receiving,
    receiver: Receiver<A>,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    interruptible: boolean,
    resume: (outcome: Outcome<A>) => void
  ) {
    this.#receiving = receiving
    this.#receiver = receiver
    this.#fiber = fiber
    this.#interruptible = interruptible
    this.#resume = resume
  }

  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.#receiving.atOnce) this.pump()
    else this.#fiber.currentScheduler.scheduleTask(() => this.pump(), 0)
  }

  drained(): void {
    if (this.#receiver.drained === undefined) return
    if (this.#receiving.atOnce) this.#drain()
    else this.#fiber.currentScheduler.scheduleTask(() => this.#drain(), 0)
  }

  pump(): void {
    this.#scheduled = false
    while (!this.#over) {
      const next = this.#receiving.next()
      if (next === undefined) return
      if (next instanceof Uint8Array) this.#take(next)
      else this.end(next)
    }
  }

  end(outcome: Outcome<A>): void {
    if (this.#ended) return
    this.#ended = true
    this.#receiving.ended(this)
    this.#resume(outcome)
  }

  /** Nobody waits for it any more. That is asked: a finalizer to say so would cost more than all else here. */
  get #over(): boolean {
    return this.#ended ||
      this.#interruptible && !Cause.isEmpty(this.#fiber.getFiberRef(FiberRef.interruptedCause))
  }

  #take(chunk: Uint8Array): void {
    try {
      const said = this.#receiver.take(chunk)
      if (said !== undefined) this.end(Effect.succeedSome(said))
    } catch (defect) {
      this.end(Effect.die(defect))
    }
  }

  #drain(): void {
    try {
      if (!this.#over) this.#receiver.drained?.()
    } catch (defect) {
      this.end(Effect.die(defect))
    }
  }
}
