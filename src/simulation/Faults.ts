/**
 * Drawing faults from a seed.
 *
 * @since 0.1.0
 */
import type { Chance } from "./Chance.js"
import type { Fault, Kind } from "./Fault.js"

/** What faults are drawn for. @since 0.1.0 */
export interface Scene {
  readonly hosts: ReadonlyArray<string>
  /** Milliseconds after which all must have healed. */
  readonly forMillis: number
}

/**
 * Up to three faults of each kind within the time, a kind left out now and then: rare mixtures come up that way, too.
 *
 * @since 0.1.0
 */
export const draw = (kinds: Iterable<Kind>, scene: Scene, chance: Chance): Array<Fault> => {
  const faults: Array<Fault> = []
  for (const kind of kinds) {
    const draws = chance.fork(kind)
    if (draws.hits(leftOut)) continue
    for (let left = draws.between(1, most); left > 0; left--) {
      const fault = one(kind, scene, draws)
      if (fault !== undefined) faults.push(fault)
    }
  }
  return faults.sort((a, b) => a.fromMillis - b.fromMillis)
}

const leftOut = 0.3
const most = 3
const dayMillis = 86_400_000

const one = (kind: Kind, { forMillis, hosts }: Scene, chance: Chance): Fault | undefined => {
  const span = spanIn(forMillis, chance)
  const host = chance.pick(hosts)
  switch (kind) {
    case "partition": {
      if (hosts.length < 2) return undefined
      const mixed = chance.shuffle(hosts)
      const cut = chance.between(1, hosts.length - 1)
      return {
        kind,
        ...span,
        hosts: mixed.slice(0, cut),
        others: mixed.slice(cut),
        oneWay: chance.hits(1 / 3)
      }
    }
    case "flap":
      return { kind, ...span, host, periodMillis: chance.pick([50, 500, 2_000, 8_000]) }
    case "clog": {
      const to = chance.pick(hosts)
      return to === host ? undefined : { kind, ...span, from: host, to }
    }
    case "loss":
      return { kind, ...span, fraction: chance.pick([0.01, 0.05, 0.2, 0.5]) }
    case "duplicate":
    case "reorder":
      return { kind, ...span, fraction: chance.pick([0.05, 0.3]) }
    case "delay":
      return { kind, ...span, millis: chance.pick([20, 200, 900]) }
    case "narrow":
      return { kind, ...span, host, bytesPerSecond: chance.pick([1_000, 8_000, 64_000]) }
    case "reset":
      return { kind, ...span, everyMillis: chance.pick([200, 1_000, 5_000]) }
    case "crash":
      return { kind, ...span, host, power: chance.hits(0.5) }
    case "restart":
    case "freeze":
      return { kind, ...span, host }
    case "skew":
      return { kind, ...span, host, byMillis: chance.between(-dayMillis, dayMillis) }
    case "registry":
      return { kind, ...span, mood: chance.pick(["gone", "slow", "wrong"] as const) }
    case "mishap":
      return { kind, ...span, fraction: chance.pick([0.005, 0.02, 0.1]) }
  }
}

/** Most faults are short against the whole; some last until all heal. */
const spanIn = (
  forMillis: number,
  chance: Chance
): { readonly fromMillis: number; readonly toMillis: number } => {
  const fromMillis = chance.below(forMillis)
  const longest = forMillis - fromMillis
  const millis = chance.hits(lasting) ? longest : longest * chance.next() * chance.next()
  return { fromMillis, toMillis: fromMillis + Math.max(1, Math.floor(millis)) }
}

const lasting = 0.3
