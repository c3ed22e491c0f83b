/**
 * A world in one process: its time, its order, and what happens in it. Time moves only when every fiber rests; which
 * of those that are ready runs next is drawn from the seed.
 *
 * @since 0.1.0
 */
import { Agenda, type Entry } from "./Agenda.js"
import { Chance } from "./Chance.js"
import { Keys } from "./Keys.js"
import type { Process } from "./Process.js"

/** Who runs next: drawn from the seed, or whoever was ready first. @since 0.1.0 */
export type Order = "seeded" | "fifo"

/** @since 0.1.0 */
export interface Options {
  /** An integer of 0 to 2^32 - 1. */
  readonly seed: number
  readonly order: Order
}

/** How a run ended. @since 0.1.0 */
export type Pause =
  /** The time that was asked for has come. */
  | "reached"
  /** The budget is used up; there is more to do. */
  | "paused"
  /** `stop` was called. */
  | "stopped"

/** What a task does, and whose it is. */
interface Task {
  readonly process: Process
  readonly run: () => void
}

/** Turns without any time passing after which the world counts as one that never rests. */
const restlessTurns = 1_000_000

/** The same for whoever watches, who has little to do at one time. */
const restlessLooks = 100_000

/** The fibers of a process run on and on, so that no time can pass. @since 0.1.0 */
export class Restless extends Error {
  override readonly name = "Restless"

  constructor({ name, world }: Process, turns: number) {
    super(`${name} never rests: ${turns} turns at ${world.nowMillis} ms of the world`)
  }
}

/** @since 0.1.0 */
export class World {
  /** Microseconds since the beginning. */
  nowMicros = 0
  /** Actions that the world has delivered: timers, chunks, datagrams, answers, faults. */
  delivered = 0
  readonly order: Order
  readonly chance: Chance
  /** What its nodes take for key agreements. */
  readonly keys = new Keys()
  /** Called when all fibers rest and time is about to move. */
  resting: () => void = () => {}
  readonly #scheduling: Chance
  readonly #agenda = new Agenda()
  #ready: Array<Task> = []
  /** How many at the beginning of `ready` have run already; first in first out only. */
  #head = 0
  readonly #watching: Array<Task> = []
  #turns = 0
  #looks = 0
  #stopped = false

  constructor({ order, seed }: Options) {
    this.order = order
    this.chance = new Chance(seed)
    this.#scheduling = this.chance.fork("order")
  }

  /** Milliseconds since the beginning. */
  get nowMillis(): number {
    return this.nowMicros / 1_000
  }

  /** Lets something happen after so many microseconds. */
  after(micros: number, action: () => void): Entry {
    return this.#agenda.enter(this.nowMicros + Math.max(0, Math.round(micros)), action)
  }

  /** A fiber of a process is ready. */
  ready(process: Process, run: () => void): void {
    this.#ready.push({ process, run })
  }

  /** Whoever watches is not part of the world: it runs before anything else happens, in the order of entry. */
  watch(process: Process, run: () => void): void {
    this.#watching.push({ process, run })
  }

  /** Lets the running call of {@link run} return after the action at hand. */
  stop(): void {
    this.#stopped = true
  }

  /** Runs until a time has come, or until so many actions were delivered. Throws `Restless` if time cannot pass. */
  run(untilMicros: number, actions = Number.POSITIVE_INFINITY): Pause {
    // Clocks count in whole microseconds, milliseconds times 1,000 need not be whole.
    const until = Math.round(untilMicros)
    this.#stopped = false
    const last = this.delivered + actions
    for (;;) {
      this.#settle()
      if (this.#stopped) return "stopped"
      const next = this.#agenda.nextMicros()
      if (next === undefined || next > until) {
        this.nowMicros = Math.max(this.nowMicros, until)
        return "reached"
      }
      if (this.delivered >= last) return "paused"
      if (next > this.nowMicros) {
        this.resting()
        if (this.#stopped) return "stopped"
        this.nowMicros = next
        this.#turns = 0
        this.#looks = 0
      }
      this.delivered++
      this.#agenda.take()?.()
    }
  }

  /** Lets all fibers run until they rest. */
  #settle(): void {
    this.#watchers()
    while (this.#ready.length > this.#head && !this.#stopped) {
      const task = this.order === "fifo" ? this.#first() : this.#any()
      if (++this.#turns > restlessTurns) throw new Restless(task.process, restlessTurns)
      task.process.turn(task.run, this.order === "fifo" ? undefined : this.#scheduling)
      this.#watchers()
    }
  }

  #watchers(): void {
    for (let at = 0; at < this.#watching.length; at++) {
      const task = this.#watching[at]
      if (task !== undefined && ++this.#looks > restlessLooks) throw new Restless(task.process, restlessLooks)
      task?.run()
    }
    this.#watching.length = 0
  }

  #first(): Task {
    const task = this.#ready[this.#head++]
    if (task === undefined) throw new RangeError("no task is ready")
    if (this.#head > 1_024 && 2 * this.#head > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    return task
  }

  #any(): Task {
    const ready = this.#ready
    const last = ready.pop()
    if (last === undefined) throw new RangeError("no task is ready")
    const at = ready.length === 0 ? 0 : this.#scheduling.below(ready.length + 1)
    const task = ready[at]
    if (task === undefined) return last
    ready[at] = last
    return task
  }
}
