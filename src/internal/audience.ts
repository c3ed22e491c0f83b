/**
 * Who listens to a discovery, and what was told before anybody did.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Candidate } from "../domain/Candidate.js"
import type { Listener, Report } from "../services/Discovery.js"

export class Audience {
  readonly #listeners = new Set<Listener>()
  /** How many reports, and how many candidates, are kept for the first listener. */
  readonly #limit: number
  /** Nothing once somebody has listened. */
  #early: { readonly reports: Array<Report>; readonly candidates: Array<Candidate> } | undefined = {
    reports: [],
    candidates: []
  }

  constructor(limit: number) {
    this.#limit = limit
  }

  report(report: Report): void {
    if (this.#early !== undefined && this.#early.reports.length < this.#limit) {
      this.#early.reports.push(report)
    }
    for (const listener of this.#listeners) listener.report(report)
  }

  candidate(candidate: Candidate): void {
    if (this.#early !== undefined && this.#early.candidates.length < this.#limit) {
      this.#early.candidates.push(candidate)
    }
    for (const listener of this.#listeners) listener.candidate(candidate)
  }

  /** Tells a listener until the scope closes; the first one what came before, too. */
  listen(listener: Listener): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => {
        const { candidates, reports } = this.#early ?? { candidates: [], reports: [] }
        this.#early = undefined
        this.#listeners.add(listener)
        for (const report of reports) listener.report(report)
        for (const candidate of candidates) listener.candidate(candidate)
      }),
      () => Effect.sync(() => this.#listeners.delete(listener))
    ))
  }
}
