/**
 * What is wrong with what a run is to be made of.
 *
 * @since 0.1.0
 */
import { Problems } from "../domain/Problems.js"
import * as Fault from "./Fault.js"
import type * as Path from "./Path.js"
import type { Settings } from "./Simulation.js"

/** The largest seed. @since 0.1.0 */
export const mostSeed = 2 ** 32 - 1

/** As many hosts as have an address on one segment. */
const mostNodes = 65_534

/** As many segments as have addresses of their own. */
const mostSegments = 250

/** All that is wrong, a line each; none if such a world can be run. @since 0.1.0 */
export const problems = <App>(settings: Settings<App>): ReadonlyArray<string> => {
  const { calmMillis, faults, forMillis, kinds, nodes, only = [], path, seed, segments } = settings
  const found = new Problems()
  found.whole("seed", seed, 0, mostSeed)
  found.whole("nodes", nodes, 1, mostNodes)
  found.whole("segments", segments, 1, mostSegments)
  for (const [name, millis] of [["for", forMillis], ["calm", calmMillis]] as const) {
    found.say(Number.isFinite(millis) && millis >= 0, `${name} ${millis} ms: expected a time that ends`)
  }
  for (const kind of kinds) {
    found.say(
      Object.hasOwn(Fault.kinds, kind),
      `faults "${kind}": expected ${Object.keys(Fault.kinds).join(", ")}`
    )
  }
  for (const fault of [...faults, ...only]) {
    found.say(
      fault.fromMillis >= 0 && fault.fromMillis < fault.toMillis,
      `fault of kind ${fault.kind}: expected fromMillis of 0 or more, and toMillis after it`
    )
    const wrong = Fault.problem(fault, nodes)
    found.say(wrong === undefined, `fault of kind ${fault.kind}: ${wrong}`)
  }
  for (const name of fractions) {
    found.fraction(`path.${name}`, path[name] ?? 0)
  }
  return found.all
}

const fractions = ["loss", "duplicate", "reorder"] as const satisfies ReadonlyArray<keyof Path.Path>
