/**
 * The faults in force: how each begins, and how it heals.
 *
 * @since 0.1.0
 */
import type { Chance } from "./Chance.js"
import type { Fault } from "./Fault.js"
import type { Disturbance, Host, Network } from "./Network.js"
import type { SimulatedRegistry } from "./SimulatedBootstrap.js"

/** What faults can do to a node. @since 0.1.0 */
export interface Victim {
  readonly host: Host
  readonly mishaps: { fraction: number }
  readonly life: {
    readonly stopping: boolean
    readonly process: { readonly freeze: () => void; readonly thaw: () => void }
  } | undefined
  readonly start: () => void
  readonly stop: () => void
  readonly kill: (power: boolean) => void
}

/** @since 0.1.0 */
export class Faultline {
  /** The faults that are in force now. */
  readonly active = new Set<Fault>()
  /** How often each kind has begun. */
  readonly begun = new Map<Fault["kind"], number>()
  readonly #network: Network
  readonly #victims: ReadonlyMap<string, Victim>
  readonly #registry: SimulatedRegistry
  readonly #untilMillis: number
  readonly #chance: Chance
  readonly #ends = new Map<Fault, () => void>()
  #healed = false

  constructor(
    network: Network,
    victims: ReadonlyArray<Victim>,
    registry: SimulatedRegistry,
    untilMillis: number
  ) {
    this.#network = network
    this.#victims = new Map(victims.map((victim) => [victim.host.name, victim]))
    this.#registry = registry
    this.#untilMillis = untilMillis
    this.#chance = network.world.chance.fork("faultline")
  }

  /** Lets a fault begin and heal at its times, at the latest when all do. */
  enter(fault: Fault): void {
    const { world } = this.#network
    const { fromMillis } = fault
    const toMillis = Math.min(fault.toMillis, this.#untilMillis)
    if (fromMillis >= toMillis) return
    world.after(fromMillis * 1_000 - world.nowMicros, () => this.begin(fault))
    world.after(toMillis * 1_000 - world.nowMicros, () => this.end(fault))
  }

  /** Lets a fault begin now. */
  begin(fault: Fault): void {
    if (this.#healed || this.active.has(fault)) return
    this.active.add(fault)
    this.begun.set(fault.kind, (this.begun.get(fault.kind) ?? 0) + 1)
    this.#ends.set(fault, this.#begin(fault))
  }

  /** Lets a fault heal now. */
  end(fault: Fault): void {
    this.active.delete(fault)
    const end = this.#ends.get(fault)
    this.#ends.delete(fault)
    end?.()
  }

  /** Lets all faults heal; none begins any more. */
  heal(): void {
    this.#healed = true
    for (const fault of this.active) this.end(fault)
  }

  /** Starts a node unless a fault keeps it down; one that is still stopping, when it is done. */
  settle(victim: Victim): void {
    const down = [...this.#of("crash"), ...this.#of("restart")]
    if (down.some(({ host }) => host === victim.host.name)) return
    victim.start()
    this.#stir(victim)
    if (victim.life?.stopping === true) {
      this.#network.world.after(100_000, () => this.settle(victim))
    }
  }

  /** Carries out a fault; the result undoes it, as far as no other one in force says the same. */
  #begin(fault: Fault): () => void {
    switch (fault.kind) {
      case "partition": {
        const [ours, theirs] = [new Set(fault.hosts), new Set(fault.others)]
        return this.#disturb({
          concerns: (from, to) =>
            (ours.has(from.name) && theirs.has(to.name)) ||
            (!fault.oneWay && theirs.has(from.name) && ours.has(to.name)),
          change: { blocked: true }
        })
      }
      case "flap":
        return this.#flap(fault.host, fault.periodMillis)
      case "clog":
        return this.#disturb({
          concerns: (from, to) => from.name === fault.from && to.name === fault.to,
          change: { clogged: true }
        })
      case "loss":
      case "duplicate":
      case "reorder":
        return this.#disturb({ concerns: everywhere, change: { [fault.kind]: fault.fraction } })
      case "delay":
        return this.#disturb({
          concerns: everywhere,
          change: { latencyMicros: fault.millis * 500, jitterMicros: fault.millis * 500 }
        })
      case "narrow":
        return this.#disturb({
          concerns: touches(fault.host),
          change: { bytesPerSecond: fault.bytesPerSecond }
        })
      case "reset":
        return this.#every(fault.everyMillis, () => this.#reset())
      case "crash":
        return this.#victim(fault.host, (victim) => {
          victim.kill(fault.power)
          return () => this.settle(victim)
        })
      case "restart":
        return this.#victim(fault.host, (victim) => {
          victim.stop()
          return () => this.settle(victim)
        })
      case "freeze":
        return this.#victim(fault.host, (victim) => {
          this.#stir(victim)
          return () => this.#stir(victim)
        })
      case "skew":
        return this.#victim(fault.host, ({ host }) => {
          host.skewMillis += fault.byMillis
          return () => {
            host.skewMillis -= fault.byMillis
          }
        })
      case "registry":
        this.#spoil()
        return () => this.#spoil()
      case "mishap":
        this.#trouble()
        return () => this.#trouble()
    }
  }

  #disturb(disturbance: Disturbance): () => void {
    this.#network.disturb(disturbance)
    return () => this.#network.calm(disturbance)
  }

  #victim(name: string, carryOut: (victim: Victim) => () => void): () => void {
    const victim = this.#victims.get(name)
    return victim === undefined ? () => {} : carryOut(victim)
  }

  /** A sleeping host sleeps through the start of its node, too. */
  #stir(victim: Victim): void {
    const frozen = this.#of("freeze").some(({ host }) => host === victim.host.name)
    if (frozen) victim.life?.process.freeze()
    else victim.life?.process.thaw()
  }

  /** The registry is as the latest fault has it. */
  #spoil(): void {
    this.#registry.mood = this.#of("registry").at(-1)?.mood ?? "well"
  }

  /** The systems are as bad as the worst fault has them. */
  #trouble(): void {
    const fraction = Math.max(0, ...this.#of("mishap").map((fault) => fault.fraction))
    for (const { mishaps } of this.#victims.values()) mishaps.fraction = fraction
  }

  /** Those of a kind that are in force, the latest last. */
  #of<K extends Fault["kind"]>(kind: K): ReadonlyArray<Extract<Fault, { readonly kind: K }>> {
    return [...this.active].filter((fault): fault is Extract<Fault, { readonly kind: K }> =>
      fault.kind === kind
    )
  }

  #every(millis: number, action: () => void): () => void {
    const { world } = this.#network
    let over = false
    const again = (): void => {
      if (over) return
      action()
      world.after(millis * 1_000 * (0.5 + this.#chance.next()), again)
    }
    again()
    return () => {
      over = true
    }
  }

  #flap(host: string, periodMillis: number): () => void {
    const down: Disturbance = { concerns: touches(host), change: { blocked: true } }
    let isDown = false
    const stop = this.#every(periodMillis, () => {
      isDown = !isDown
      if (isDown) this.#network.disturb(down)
      else this.#network.calm(down)
    })
    return () => {
      stop()
      this.#network.calm(down)
    }
  }

  #reset(): void {
    const sockets = [...this.#network.hosts.values()].flatMap((host) => Array.from(host.sockets))
    if (sockets.length === 0) return
    const socket = this.#chance.pick(sockets)
    socket.reset()
    // A middlebox may tell one end alone; the other learns of it when it sends something.
    if (this.#chance.hits(0.5)) socket.peer?.reset()
    else socket.peer?.orphan()
  }
}

const everywhere = (): boolean => true

const touches = (name: string) => (from: Host, to: Host): boolean => from.name === name || to.name === name
