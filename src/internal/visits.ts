/**
 * The visits of a node to its registry, at which it announces itself and asks for peers.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "../domain/Candidate.js"
import type { Limits } from "../domain/Limits.js"
import * as RegistryPace from "../domain/RegistryPace.js"
import * as RegistryMessage from "../protocol/RegistryMessage.js"
import type { Bootstrap, Report } from "../services/Bootstrap.js"
import { BootstrapConfig } from "../services/BootstrapConfig.js"
import { Identity } from "../services/Identity.js"
import { NodeConfig } from "../services/NodeConfig.js"
import { Hub } from "./hub.js"
import { type Registry, RegistryError } from "./registry.js"

interface Outcome {
  readonly action: Report["action"]
  readonly taken: number
  readonly skipped: number
  readonly error: RegistryError | undefined
}

/**
 * Visits a registry from the first announcement or the first use of the candidates on: announces, then pulls, one
 * request at a time.
 */
export const make = (
  registry: Registry
): Effect.Effect<Bootstrap["Type"], never, BootstrapConfig | Identity | NodeConfig | Scope.Scope> =>
  Effect.gen(function*() {
    const config = yield* BootstrapConfig
    const { id, limits } = yield* NodeConfig
    const { peerId } = yield* Identity
    const visiting = yield* FiberHandle.make<void>()
    const { candidates, reports } = hubs(limits)
    let announced: RegistryMessage.Announcement | undefined
    let failures = 0

    const pull = Effect.map(registry.peers(config.limit), (listed) => {
      const harvest = RegistryMessage.harvest(listed, peerId, limits, config.linkLocal)
      for (const candidate of harvest.candidates) candidates.publish(candidate)
      return { taken: harvest.candidates.length, skipped: harvest.skipped }
    })

    const visit = Effect.gen(function*() {
      const outcomes: Array<Outcome> = []
      if (announced !== undefined) {
        outcomes.push(yield* ask("announce", registry.announce(announced), limits.registryRequestMillis))
      }
      if (outcomes.every(({ error }) => error === undefined || error.serves === true)) {
        outcomes.push(yield* ask("pull", pull, limits.registryRequestMillis))
      }
      failures = outcomes.some(({ error }) => error !== undefined) ? failures + 1 : 0
      const random = yield* Random.next
      const waits = outcomes.map(({ error }) =>
        RegistryPace.waitMillis(config.intervalMillis, failures, error?.retryAfterMillis ?? 0, random, limits)
      )
      const wait = Math.max(...waits)
      for (const outcome of outcomes) reports.publish(report(outcome, wait))
      return wait
    })

    const visits = Effect.forever(Effect.flatMap(visit, Effect.sleep)).pipe(
      Effect.tapDefect((cause) => Effect.logError("a defect ended the visits to the registry", cause))
    )
    const begin = FiberHandle.run(visiting, visits, { onlyIfMissing: true })
    const come = (announcement: RegistryMessage.Announcement) =>
      Effect.zipRight(
        FiberHandle.clear(visiting),
        Effect.suspend(() => {
          announced = announcement
          return begin
        })
      )
    const leave = (announcement: RegistryMessage.Announcement) =>
      Effect.gen(function*() {
        yield* FiberHandle.clear(visiting)
        announced = undefined
        const outcome = yield* ask("leave", registry.leave(announcement), limits.registryLeaveMillis)
        reports.publish(report(outcome, 0))
        yield* FiberHandle.run(visiting, Effect.zipRight(Effect.sleep(config.intervalMillis), visits))
        // Whoever takes the reports may be stopped right after this.
        yield* Effect.yieldNow()
      })

    return {
      candidates: Stream.unwrapScoped(Effect.tap(candidates.subscribe, begin)),
      reports: reports.stream,
      announce: (port) => {
        if (!config.announce) return Effect.asVoid(begin)
        const advertised = Option.getOrElse(config.advertise, () => port)
        const announcement = RegistryMessage.announcement(id, advertised, peerId)
        return Effect.asVoid(Effect.acquireRelease(come(announcement), () => leave(announcement)))
      }
    }
  })

const hubs = ({ earlyEvents, mailboxEvents, registryPeers }: Limits) => ({
  candidates: new Hub<Candidate>({ limit: registryPeers, early: registryPeers, sizeOf: () => 1 }),
  reports: new Hub<Report>({ limit: mailboxEvents, early: earlyEvents, sizeOf: () => 1 })
})

type Counts = Pick<Outcome, "taken" | "skipped">

const none: Counts = { taken: 0, skipped: 0 }

const ask = (
  action: Outcome["action"],
  request: Effect.Effect<Counts | void, RegistryError>,
  millis: number
): Effect.Effect<Outcome> =>
  // A goodbye is said in a finalizer, which nothing interrupts by itself.
  Effect.interruptible(request).pipe(
    Effect.timeoutFail({
      duration: millis,
      onTimeout: () => new RegistryError({ reason: "Timeout", detail: `${millis} ms` })
    }),
    Effect.either,
    Effect.map(Either.match({
      onLeft: (error): Outcome => ({ action, ...none, error }),
      onRight: (counts): Outcome => ({ action, ...(counts ?? none), error: undefined })
    }))
  )

const report = ({ action, error, skipped, taken }: Outcome, retryInMillis: number): Report =>
  error === undefined
    ? { ev: "registry.ok", action, taken, skipped }
    : { ev: "registry.error", action, reason: error.reason, detail: error.message, retryInMillis }
