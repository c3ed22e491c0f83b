/**
 * The receiving end of a connection: chunks from wherever they come to the function that takes them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
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

/** Runs a task now or later. @since 0.1.0 */
export type Run = (task: () => void) => void

/** Runs it now: for what is told outside of any step of a fiber. @since 0.1.0 */
export const atOnce: Run = (task) => task()

/**
 * One receiver at a time. Whoever brings bytes says so by `wake`.
 *
 * @since 0.1.0
 */
export class Receiving {
  readonly #next: () => Next
  readonly #run: Run | undefined
  #reception: Pick<Reception<unknown>, "wake" | "drained"> | undefined

  /** Without `run`, chunks are handed on by the scheduler of the fiber that receives. */
  constructor(next: () => Next, run?: Run) {
    this.#next = next
    this.#run = run
  }

  /** As `Connection.receive` says. */
  receive<A>(receiver: Receiver<A>): Effect.Effect<Option.Option<A>, TransportError> {
    return Effect.withFiberRuntime((fiber, { runtimeFlags }) => {
      const run: Run = this.#run ?? ((task) => fiber.currentScheduler.scheduleTask(task, 0))
      const interruptible = RuntimeFlags.interruptible(runtimeFlags)
      // Asked and not cleared away by a finalizer, which would cost more than all else here.
      const abandoned = () => interruptible && !Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))
      return Effect.async((resume) => {
        const reception = new Reception(this.#next, receiver, run, abandoned, (effect) => {
          if (this.#reception === reception) this.#reception = undefined
          resume(effect)
        })
        this.#reception = reception
        receiver.begun?.(reception.end)
        reception.pump()
      })
    })
  }

  /** Something has come, or the end. */
  wake(): void {
    this.#reception?.wake()
  }

  /** The outgoing buffer is below its mark again. */
  drained(): void {
    this.#reception?.drained()
  }
}

class Reception<A> {
  readonly #next: () => Next
  readonly #receiver: Receiver<A>
  readonly #run: Run
  readonly #abandoned: () => boolean
  readonly #resume: (effect: Effect.Effect<Option.Option<A>, TransportError>) => void
  #scheduled = false
  #ended = false

  constructor(
    next: () => Next,
    receiver: Receiver<A>,
    run: Run,
    abandoned: () => boolean,
    resume: (effect: Effect.Effect<Option.Option<A>, TransportError>) => void
  ) {
    this.#next = next
    this.#receiver = receiver
    this.#run = run
    this.#abandoned = abandoned
    this.#resume = resume
  }

  /** Nobody waits for it any more. */
  get #over(): boolean {
    return this.#ended || this.#abandoned()
  }

  /** Ends it with what the receiver says outside of any chunk. */
  readonly end = (said: A): void => this.#end(Effect.succeedSome(said))

  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#run(this.pump)
  }

  drained(): void {
    const { drained } = this.#receiver
    if (drained === undefined) return
    this.#run(() => {
      try {
        if (!this.#over) drained()
      } catch (defect) {
        this.#end(Effect.die(defect))
      }
    })
  }

  readonly pump = (): void => {
    this.#scheduled = false
    while (!this.#over) {
      const next = this.#next()
      if (next === undefined) return
      if (next instanceof Uint8Array) this.#take(next)
      else this.#end(next)
    }
  }

  #take(chunk: Uint8Array): void {
    try {
      const said = this.#receiver.take(chunk)
      if (said !== undefined) this.#end(Effect.succeedSome(said))
    } catch (defect) {
      this.#end(Effect.die(defect))
    }
  }

  #end(effect: Effect.Effect<Option.Option<A>, TransportError>): void {
    if (this.#ended) return
    this.#ended = true
    this.#resume(effect)
  }
}
