/**
 * A program that runs on a host of the world: its fibers, its timers, its clock. It can be frozen, and it can be
 * killed, after which nothing of it ever runs.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Scheduler } from "effect/Scheduler"
import * as Supervisor from "effect/Supervisor"
import type { Chance } from "./Chance.js"
import type { World } from "./World.js"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** How many operations a fiber may take in one turn, as the default scheduler has it. */
const operationsPerTurn = 2_048

/** How many it may take in a turn that is cut short. */
const operationsPerShortTurn = 64

/** The fraction of the turns that are cut short. */
const shortTurns = 0.02

/** Wall clock at the beginning of the world: 2026-01-01, in Unix milliseconds. @since 0.1.0 */
export const epochMillis = 1_767_225_600_000

/** Takes a line that a program has logged. @since 0.1.0 */
export type Log = (
  process: string,
  level: LogLevel.LogLevel,
  message: unknown,
  cause: Cause.Cause<unknown>
) => void

/** Takes the cause of a fiber that ended by a defect. @since 0.1.0 */
export type Defect = (cause: Cause.Cause<unknown>) => void

/** @since 0.1.0 */
export interface Options {
  /** How far the wall clock of the host is from that of the world now, in milliseconds. */
  readonly skewMillis?: () => number
  readonly log?: Log
  /**
   * Takes the cause of a forked fiber that ended by a defect, unless it has no `FiberRef.unhandledErrorLogLevel`: then
   * somebody handles it.
   */
  readonly defect?: Defect
}

/** @since 0.1.0 */
export class Process implements Scheduler {
  readonly world: World
  readonly name: string
  readonly clock: Clock.Clock
  readonly fibers = new Set<AnyFiber>()
  readonly #sleepers = new Set<AnyFiber>()
  readonly #random: Random.Random
  readonly #supervisor: Supervisor.Supervisor<void>
  readonly #loggers: HashSet.HashSet<Logger.Logger<unknown, unknown>>
  #state: "running" | "frozen" | "dead" = "running"
  #held: Array<() => void> = []
  #operations = operationsPerTurn

  constructor(
    world: World,
    name: string,
    chance: Chance,
    { defect = () => {}, log = () => {}, skewMillis = () => 0 }: Options = {}
  ) {
    this.world = world
    this.name = name
    this.clock = clockOf(this, chance.below(1_000_000_000), skewMillis)
    this.#random = Random.make(`${chance.below(2 ** 32)}`)
    this.#supervisor = new Roll(this.fibers, defect)
    this.#loggers = HashSet.make(
      Logger.make(({ cause, logLevel, message }) => log(name, logLevel, message, cause))
    )
  }

  get state(): "running" | "frozen" | "dead" {
    return this.#state
  }

  scheduleTask(task: () => void): void {
    if (this.#state === "running") this.world.ready(this, task)
    else if (this.#state === "frozen") this.#held.push(task)
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return (fiber as unknown as { readonly currentOpCount: number }).currentOpCount > this.#operations
      ? 0
      : false
  }

  /**
   * Does what comes from outside while all fibers rest, or as soon as it thaws: nobody else is ready then, so that it
   * needs no turn.
   */
  deliver(task: () => void): void {
    if (this.#state === "running") task()
    else if (this.#state === "frozen") this.#held.push(task)
  }

  /** Runs a task that was ready; with chance at hand, the turn may be cut short anywhere. */
  turn(run: () => void, chance: Chance | undefined): void {
    if (this.#state !== "running") {
      this.scheduleTask(run)
      return
    }
    this.#operations = chance?.hits(shortTurns) === true
      ? chance.between(1, operationsPerShortTurn)
      : operationsPerTurn
    run()
  }

  /** How many fibers sleep. */
  get timers(): number {
    let sleeping = 0
    for (const fiber of this.#sleepers) if (fiber.unsafePoll() === null) sleeping++
    return sleeping
  }

  /**
   * Wakes a fiber after so many microseconds. A timer whose fiber was interrupted stays until its time, and does
   * nothing then: to take it out would cost each sleep several times as much.
   */
  wake(fiber: AnyFiber, micros: number, resume: () => void): void {
    this.#sleepers.add(fiber)
    this.world.after(micros, () => {
      this.#sleepers.delete(fiber)
      if (this.#state !== "dead" && fiber.unsafePoll() === null) resume()
    })
  }

  /** Begins a fiber of this process. */
  run<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    const fiber = Effect.runFork(
      effect.pipe(
        Effect.withClock(this.clock),
        Effect.withRandom(this.#random),
        Effect.locally(FiberRef.currentSupervisor, this.#supervisor),
        Effect.locally(FiberRef.currentLoggers, this.#loggers)
      ),
      { scheduler: this, immediate: false }
    )
    this.fibers.add(fiber)
    fiber.addObserver(() => this.fibers.delete(fiber))
    return fiber
  }

  /** Nothing of it runs until it thaws, though time goes on and its host takes what comes. */
  freeze(): void {
    if (this.#state === "running") this.#state = "frozen"
  }

  thaw(): void {
    if (this.#state !== "frozen") return
    this.#state = "running"
    const held = this.#held
    this.#held = []
    for (const task of held) this.scheduleTask(task)
  }

  /** Nothing of it ever runs again: no finalizer, no goodbye. */
  kill(): void {
    if (this.#state === "dead") return
    this.#state = "dead"
    this.#held = []
    // Effect keeps every root fiber until it has an exit; an exit without a last turn lets go of all it holds.
    const exit = Exit.interrupt(FiberId.none)
    for (const fiber of this.fibers) {
      ;(fiber as unknown as { readonly setExitValue: (exit: Exit.Exit<never>) => void }).setExitValue(exit)
    }
    this.fibers.clear()
    this.#sleepers.clear()
  }
}

/** The list of the fibers that live, and who is told of those that die. */
class Roll extends Supervisor.AbstractSupervisor<void> {
  readonly #fibers: Set<AnyFiber>
  readonly #defect: Defect
  readonly value = Effect.void

  constructor(fibers: Set<AnyFiber>, defect: Defect) {
    super()
    this.#fibers = fibers
    this.#defect = defect
  }

  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: unknown,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.#fibers.add(fiber)
  }

  override onEnd<A, E>(exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.#fibers.delete(fiber)
    if (Exit.isSuccess(exit) || !Cause.isDie(exit.cause)) return
    if (Option.isSome(fiber.getFiberRef(FiberRef.unhandledErrorLogLevel))) this.#defect(exit.cause)
  }
}

/** The monotonic clock begins anywhere, as it does on a host that has run for a while. */
const clockOf = (owner: Process, bootMicros: number, skewMillis: () => number): Clock.Clock => {
  const { world } = owner
  const millis = () => Math.floor(epochMillis + world.nowMillis + skewMillis())
  let atMicros = -1
  let at = 0n
  const nanos = () => {
    if (world.nowMicros !== atMicros) {
      atMicros = world.nowMicros
      at = BigInt((bootMicros + atMicros) * 1_000)
    }
    return at
  }
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => {
      const micros = Duration.toMillis(duration) * 1_000
      return Number.isFinite(micros)
        ? Effect.withFiberRuntime<void>((fiber) =>
          Effect.async((resume) => owner.wake(fiber, micros, () => resume(Effect.void)))
        )
        : Effect.async<void>(() => {})
    }
  }
}
