/** Parties that use a registry, and what they are told. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "../../src/domain/Candidate.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { PeerId } from "../../src/domain/PeerId.js"
import { Bootstrap, type Report } from "../../src/services/Bootstrap.js"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import { Identity } from "../../src/services/Identity.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"

export type Needs = BootstrapConfig.BootstrapConfig | Identity | NodeConfig.NodeConfig

export interface Options extends Partial<BootstrapConfig.Settings> {
  readonly limits?: Partial<Limits.Limits>
}

export interface Party {
  readonly key: PeerId
  readonly announce: Bootstrap["Type"]["announce"]
  /** Begins to take the candidates. */
  readonly listen: Effect.Effect<void, never, Scope.Scope>
  readonly candidates: ReadonlyArray<Candidate>
  readonly reports: ReadonlyArray<Report>
  /** Waits until something is true of what has come. */
  readonly until: (is: (party: Party) => boolean) => Effect.Effect<void>
}

/** The key of a party whose name is a hexadecimal digit. */
export const keyOf = (name: string): PeerId => PeerId.make(name.toLowerCase().repeat(64))

/** A party that lives in the scope; its name is a hexadecimal digit. */
export const join = (
  layer: Layer.Layer<Bootstrap, never, Needs>,
  name: string,
  { limits, ...settings }: Options = {}
): Effect.Effect<Party, never, Scope.Scope> =>
  Effect.gen(function*() {
    const key = keyOf(name)
    const needs = Layer.mergeAll(
      NodeConfig.layer({ id: NodeId.make(name), limits: { ...Limits.defaults, ...limits } }),
      BootstrapConfig.layer({ url: new URL("http://registry.invalid/"), ...settings }),
      Layer.succeed(Identity, { publicKey: new Uint8Array(32), peerId: key, sign: unused })
    )
    const bootstrap = Context.get(yield* Layer.build(Layer.fresh(Layer.provide(layer, needs))), Bootstrap)
    const candidates: Array<Candidate> = []
    const reports: Array<Report> = []
    const changed = Effect.unsafeMakeLatch()
    const collect = <A>(from: Stream.Stream<A>, into: Array<A>) =>
      Stream.runForEach(
        from,
        (item) => Effect.sync(() => into.push(item)).pipe(Effect.zipRight(changed.open))
      ).pipe(
        Effect.forkScoped,
        Effect.zipRight(Effect.yieldNow())
      )
    yield* collect(bootstrap.reports, reports)
    const party: Party = {
      key,
      announce: bootstrap.announce,
      listen: collect(bootstrap.candidates, candidates),
      candidates,
      reports,
      until: (is) =>
        Effect.suspend(() => {
          if (is(party)) return Effect.void
          changed.unsafeClose()
          return Effect.zipRight(changed.await, party.until(is))
        })
    }
    return party
  })

const unused = () => {
  throw new Error("nothing is signed here")
}

/** What a party was told of, in short: `announce`, or `pull Refused` where it failed. */
export const story = ({ reports }: Party): ReadonlyArray<string> =>
  reports.map((report) => report.ev === "registry.ok" ? report.action : `${report.action} ${report.reason}`)

/** Whether a party was told that something was done, so many times. */
export const did = (action: Report["action"], times = 1) => ({ reports }: Party): boolean =>
  reports.filter((report) => report.ev === "registry.ok" && report.action === action).length >= times
