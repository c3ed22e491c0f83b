/**
 * Wishes to dial: each goes through the guard; those for wanted endpoints come back until they are met.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Endpoint } from "../domain/Endpoint.js"
import type { Judgement, Source } from "../services/ConnectionGuard.js"
import { ConnectError, type Peer } from "../services/Node.js"
import { type Core, heard, linkWith, now, publish } from "./core.js"
import { begin, run } from "./lifecycle.js"
import type { Link } from "./link.js"
import { dial } from "./outbound.js"

export interface Dialler {
  /** Asks the guard and, if it agrees, begins a dial; what it said otherwise. */
  readonly attempt: (endpoint: Endpoint, source: Source, peer?: string) => Link | Judgement
  readonly connect: (endpoint: Endpoint) => Effect.Effect<Peer, ConnectError>
  readonly want: (endpoint: Endpoint, delayMillis: number) => Effect.Effect<void, never, Scope.Scope>
}

const never: Judgement = { verdict: "limit", retryIn: Duration.infinity }

const arriving: Judgement = { verdict: "deduplicated", retryIn: Duration.zero }

/** Dials live in the scope, not with whoever wished for them. */
export const make = (core: Core): Effect.Effect<Dialler, never, Scope.Scope> =>
  Effect.gen(function*() {
    // What has begun is cleared away by its fiber: nothing may interrupt that before its first step.
    const start = yield* FiberSet.makeRuntime<never, void>().pipe(
      Effect.uninterruptible,
      // Each dial adds its scope to a copy of this: the other services of a program would be copied for nothing.
      Effect.mapInputContext((context: Context.Context<Scope.Scope>) =>
        Context.pick(Scope.Scope, Tracer.ParentSpan)(context)
      )
    )
    const inFlight = new Map<string, Link>()

    const gaveWay = new Set<string>()

    /** Once: should nothing come of it, the next hint is followed, whoever else comes in from there. */
    const givesWay = (endpoint: Endpoint): boolean => {
      const key = endpoint.toString()
      if (gaveWay.delete(key) || !isArriving(core, endpoint)) return false
      if (gaveWay.size >= core.limits.endpoints) gaveWay.clear()
      gaveWay.add(key)
      core.stats.increment("connect_deduped")
      return true
    }

    const attempt: Dialler["attempt"] = (endpoint, source, peer) => {
      if (core.stopping || !core.settings.dialling) return never
      // A hint leads nowhere while every place is taken; who is wanted may still make a Stale peer give way.
      if (source === "automatic" && (core.table.full || core.dials >= core.limits.hintedDials)) return never
      const judged = source === "automatic" && givesWay(endpoint)
        ? arriving
        : core.guard.ask(endpoint, source, peer)
      const retryInMillis = Duration.toMillis(judged.retryIn)
      publish(core, {
        ev: "dial.verdict",
        endpoint: endpoint.toString(),
        source,
        verdict: judged.verdict,
        ...(retryInMillis > 0 ? { retryInMillis } : {})
      })
      return judged.verdict === "dial" ? begins(endpoint) : judged
    }

    const begins = (endpoint: Endpoint): Link => {
      const link = begin(core, "outbound", endpoint)
      const key = endpoint.toString()
      inFlight.set(key, link)
      const life = inScopeForGood(run(core, link, () => dial(core, link)))
      start(life, { immediate: false }).addObserver(() => {
        if (inFlight.get(key) === link) inFlight.delete(key)
      })
      return link
    }

    const connect: Dialler["connect"] = (endpoint) =>
      Effect.suspend(() => {
        const closed = core.stopping ? "Stopped" : core.settings.dialling ? undefined : "NotDialling"
        if (closed !== undefined) {
          return new ConnectError({
            endpoint,
            reason: closed,
            retryInMillis: Number.POSITIVE_INFINITY
          })
        }
        const begun = attempt(endpoint, "manual")
        if (!("verdict" in begun)) return outcome(core, begun)
        const current = underWay(core, inFlight, endpoint)
        // One that is about to go is nobody's session any more.
        if (current?.over === true) return Effect.zipRight(current.closed.wait, connect(endpoint))
        if (current !== undefined && (begun.verdict === "in flight" || begun.verdict === "connected")) {
          return outcome(core, current)
        }
        return new ConnectError({
          endpoint,
          reason: begun.verdict === "dial" ? "in flight" : begun.verdict,
          retryInMillis: Duration.toMillis(begun.retryIn)
        })
      })

    const keep = (endpoint: Endpoint, delayMillis: number) =>
      Effect.gen(function*() {
        yield* Effect.sleep(delayMillis)
        let source: Source = "manual"
        while (true) {
          const begun = attempt(endpoint, source)
          source = "timed"
          if (!("verdict" in begun)) {
            // Nothing but time stands against a dial that was given up for another connection.
            const wait = yield* begun.closed.wait
            yield* Effect.sleep(wait > 0 ? Duration.millis(wait) : yield* redialWait(core))
            continue
          }
          if (begun.verdict === "self") return
          if (begun.verdict === "backing off") {
            yield* Effect.sleep(begun.retryIn)
            continue
          }
          const other = underWay(core, inFlight, endpoint)
          if (other !== undefined) yield* other.closed.wait
          yield* Effect.sleep(yield* redialWait(core))
        }
      })

    return {
      attempt,
      connect,
      want: (endpoint, delayMillis) =>
        core.settings.dialling
          ? Effect.zipRight(
            Effect.acquireRelease(
              Effect.sync(() => core.guard.want(endpoint)),
              () => Effect.sync(() => core.guard.unwant(endpoint))
            ),
            heard(Effect.asVoid(Effect.forkScoped(keep(endpoint, delayMillis))))
          )
          : Effect.void
    }
  })

/**
 * Runs what all the rest of a fiber is for, in a scope that closes at its end. `Effect.scoped` needs 30 steps more, most
 * of them to give the fiber its former context back.
 */
const inScopeForGood = (life: Effect.Effect<void, never, Scope.Scope>): Effect.Effect<void> =>
  Effect.flatMap(Scope.make(), (scope) => {
    const close = Scope.close(scope, Exit.void)
    const enter = FiberRef.update(FiberRef.currentContext, Context.add(Scope.Scope, scope))
    return Effect.matchCauseEffect(Effect.zipRight(enter, life as Effect.Effect<void>), {
      onFailure: (cause) => Effect.zipRight(close, Effect.failCause(cause)),
      onSuccess: () => close
    })
  })

/** The connection that stands in the way of a dial: under way to the endpoint, or with the peer last met there. */
const underWay = (
  core: Core,
  inFlight: ReadonlyMap<string, Link>,
  endpoint: Endpoint
): Link | undefined => {
  const dialling = inFlight.get(endpoint.toString())
  // One that is Closed may still be saying goodbye, and stands in nobody's way.
  if (dialling !== undefined && dialling.state !== "Closed") return dialling
  const peer = Option.getOrUndefined(Option.flatMap(core.guard.explain(endpoint), (known) => known.peer))
  return peer === undefined ? undefined : linkWith(core, peer)
}

/** Whether somebody from that host is just shaking hands with us: likely the very peer that the hint names. */
const isArriving = (core: Core, { host }: Endpoint): boolean => {
  const since = core.arrivals.get(host)
  return since !== undefined && now(core) - since < core.limits.arrivalMillis
}

/** Waits for a session. A dial that gave way to another connection with the same peer has led to that one. */
const outcome = (core: Core, link: Link): Effect.Effect<Peer, ConnectError> =>
  Effect.catchAll(link.opened.wait, (error) => {
    const { proven } = link
    const other = proven === undefined ? undefined : linkWith(core, proven.peerId)
    return other === undefined || other === link ? Effect.fail(error) : other.opened.wait
  })

const redialWait = (core: Core): Effect.Effect<Duration.Duration> =>
  Effect.map(core.random.next, (fraction) => Duration.millis(Math.ceil(fraction * core.limits.redialMillis)))
