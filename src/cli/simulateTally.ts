/** What became of all seeds together. */
import { createHash } from "node:crypto"
import type { Kind } from "../simulation/Fault.js"
import type { Result } from "./simulateWork.js"

export type Verdict = "passed" | "safety" | "liveness" | "nondeterministic"

const exitCodes: Readonly<Record<Verdict, number>> = {
  passed: 0,
  safety: 30,
  liveness: 31,
  nondeterministic: 32
}

/** A law that was broken counts for more than a run that was not the same twice. */
export const verdictOf = ({ outcome, parting }: Result): Verdict =>
  outcome.verdict === "passed" && parting !== undefined ? "nondeterministic" : outcome.verdict

export class Tally {
  passed = 0
  /** The seeds that failed, in their order. */
  readonly failed: Array<number> = []
  /** The first that failed. */
  failure: Result | undefined
  /** The one that came last. */
  last: Result | undefined
  /** 0, or the least of the codes of those that failed. */
  exitCode = 0
  worldMillis = 0
  actions = 0
  events = 0
  checks = 0
  mishaps = 0
  /** The longest that all took to be connected. */
  healedMillis = 0
  /** How often each kind of fault has begun. */
  readonly begun = new Map<Kind, number>()
  readonly #hash = createHash("sha256")
  readonly #early = new Map<number, Result>()
  #next: number

  constructor(firstSeed: number) {
    this.#next = firstSeed
  }

  get done(): number {
    return this.passed + this.failed.length
  }

  /** The hash of the trace, or of the hashes of all traces. */
  get hash(): string {
    return this.done === 1 ? this.last?.outcome.hash ?? "" : this.#hash.copy().digest("hex")
  }

  /** Takes a result, in any order; gives those whose turn it is, in the order of the seeds. */
  take(result: Result): ReadonlyArray<Result> {
    this.#early.set(result.outcome.seed, result)
    const ready: Array<Result> = []
    for (let next = this.#early.get(this.#next); next !== undefined; next = this.#early.get(this.#next)) {
      this.#early.delete(this.#next++)
      this.#add(next)
      ready.push(next)
    }
    return ready
  }

  #add(result: Result): void {
    const { outcome } = result
    this.last = result
    this.worldMillis += outcome.worldMillis
    this.actions += outcome.actions
    this.events += outcome.events
    this.checks += outcome.checks
    this.healedMillis = Math.max(this.healedMillis, outcome.healedMillis ?? 0)
    for (const [kind, times] of outcome.begun) this.begun.set(kind, (this.begun.get(kind) ?? 0) + times)
    for (const times of outcome.mishaps.values()) this.mishaps += times
    this.#hash.update(outcome.hash)
    const verdict = verdictOf(result)
    if (verdict === "passed") {
      this.passed++
      return
    }
    this.failed.push(outcome.seed)
    this.failure ??= result
    this.exitCode = Math.min(this.exitCode === 0 ? 255 : this.exitCode, exitCodes[verdict])
  }
}
