/** The runs that the tests make: what a seed decides beside all that the world draws from it. */
import * as Limits from "../../src/domain/Limits.js"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import * as Fault from "../../src/simulation/Fault.js"
import * as Simulation from "../../src/simulation/Simulation.js"

export const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>

export const bootstrap = { ...BootstrapConfig.defaults, intervalMillis: 5_000 }

export interface Scale {
  readonly nodes: number
  /** Milliseconds of the world with faults. */
  readonly forMillis: number
}

/** Ten nodes for a minute. */
export const usual: Scale = { nodes: 10, forMillis: 60_000 }

/** All faults; by the seed, a network of two segments and a registry, mishaps all the time, few places, strict order. */
export const scenario = (seed: number, { forMillis, nodes }: Scale = usual): Simulation.Settings => ({
  ...Simulation.defaults,
  seed,
  nodes,
  forMillis,
  kinds,
  ...(seed % 2 === 1 ? { segments: 2, bootstrap: { ...bootstrap, intervalMillis: 2_000 } } : {}),
  ...(seed % 4 === 3
    ? {
      faults: [
        { kind: "mishap", fromMillis: 0, toMillis: forMillis, fraction: 0.03 },
        // Where goodbyes are said, some go wrong.
        ...Simulation.namesOf(nodes).map((host, at): Fault.Fault => {
          const fromMillis = (forMillis * (at + 1)) / (nodes + 2)
          return { kind: "restart", fromMillis, toMillis: fromMillis + 1_000, host }
        })
      ]
    }
    : {}),
  ...(seed % 8 === 5 ? { order: "fifo" } : {}),
  ...(seed % 8 === 6 ? { node: { limits: { ...Limits.defaults, peers: Math.ceil(nodes / 3) } } } : {})
})

/** Ten nodes, of which each half does not hear the other for a minute. */
export const halves = (seed: number): Simulation.Settings => {
  const names = Simulation.namesOf(10)
  const [hosts, others] = [names.slice(0, 5), names.slice(5)]
  return {
    ...Simulation.defaults,
    variety: false,
    chatter: false,
    seed,
    forMillis: 65_000,
    only: [{ kind: "partition", fromMillis: 5_000, toMillis: 65_000, hosts, others, oneWay: false }]
  }
}
