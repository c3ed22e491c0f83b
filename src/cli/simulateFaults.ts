/** What a line says of the world, for one seed: its settings, its faults, and the line that repeats them. */
import { isNone } from "effect/Option"
import { Chance } from "../simulation/Chance.js"
import type { Fault } from "../simulation/Fault.js"
import * as Faults from "../simulation/Faults.js"
import * as Simulation from "../simulation/Simulation.js"
import { prepare, unquote } from "./prepare.js"
import { decisive, faulty, options } from "./simulateOptions.js"
import type { Invocation } from "./simulateParse.js"
import { type Name, namesOf, type Option } from "./table.js"

/** A fault and its number among all of its seed, from 1. */
export interface Numbered {
  readonly number: number
  readonly fault: Fault
}

/** The faults of a seed. */
export const numbered = (invocation: Invocation, seed: number): ReadonlyArray<Numbered> =>
  all(invocation, seed)
    .map((fault, at) => ({ number: at + 1, fault }))
    .filter(({ number }) => isNone(invocation.keep) || invocation.keep.value.includes(number))

/** The run of a seed. Its faults are all in `only`, so that any of them can be left out. */
export const settingsOf = (invocation: Invocation, seed: number): Simulation.Settings => ({
  ...Simulation.defaults,
  seed,
  nodes: invocation.nodes,
  forMillis: invocation.forMillis,
  calmMillis: invocation.calmMillis,
  order: invocation.order,
  only: numbered(invocation, seed).map(({ fault }) => fault),
  node: { limits: invocation.limits },
  discovery: invocation.discovery,
  bootstrap: invocation.bootstrap
})

/** A part of a failure: the numbers of its faults, and the time in which it came about. */
export interface Smaller {
  readonly numbers: ReadonlyArray<number>
  readonly forMillis: number
}

/** The command that repeats a seed, or a part of it. */
export const commandOf = (argv: ReadonlyArray<string>, seed: number, smaller?: Smaller): string => {
  const { args } = prepare(argv, options)
  const words = namesOf(options).flatMap((name) => {
    if (!decisive.has(name) || replaced(name, smaller)) return []
    const { default: fallback }: Option = options[name]
    return args.flatMap((arg, at) => {
      const value = unquote(args[at + 1] ?? "")
      return arg === `--${name}` && value !== fallback ? [arg, value] : []
    })
  })
  if (smaller?.numbers.length === 0) words.push("--for", `${smaller.forMillis}ms`)
  else if (smaller !== undefined) words.push("--keep", smaller.numbers.join(","))
  return ["vix simulate --seed", seed, ...words].join(" ")
}

/** Without any fault, the time may be another one; otherwise the faults are drawn as before, and some are kept. */
const replaced = (name: Name<typeof options>, smaller: Smaller | undefined): boolean =>
  smaller !== undefined &&
  (name === "keep" || (smaller.numbers.length === 0 && (name === "for" || faulty.has(name))))

const all = (invocation: Invocation, seed: number): ReadonlyArray<Fault> => {
  const { crashes, delayMillis, forMillis, kinds, loss, nodes, partitions } = invocation
  const hosts = Simulation.namesOf(nodes)
  const chance = new Chance(seed)
  const given = chance.fork("given faults")
  const always = { fromMillis: 0, toMillis: forMillis }
  const crash = given.fork("crash")
  return [
    ...loss === 0 ? [] : [{ kind: "loss", ...always, fraction: loss } as const],
    ...delayMillis === 0 ? [] : [{ kind: "delay", ...always, millis: delayMillis } as const],
    ...partitions.map(([fromMillis, toMillis], at) => {
      const mixed = given.fork(`partition ${at}`).shuffle(hosts)
      const cut = Math.ceil(nodes / 2)
      return {
        kind: "partition",
        fromMillis,
        toMillis,
        hosts: mixed.slice(0, cut),
        others: mixed.slice(cut),
        oneWay: false
      } as const
    }),
    ...Array.from({ length: crashes }, () => {
      const fromMillis = crash.below(forMillis)
      const down = 1 + crash.below(Math.max(1, (forMillis - fromMillis) / 2))
      return {
        kind: "crash",
        fromMillis,
        toMillis: fromMillis + down,
        host: crash.pick(hosts),
        power: crash.hits(0.5)
      } as const
    }),
    ...Faults.draw(kinds, { hosts, forMillis }, chance.fork("faults"))
  ]
}
