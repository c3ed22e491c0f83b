/** A program: runs one seed after the other and prints a line of JSON for each. */
import * as Run from "../../src/simulation/Run.js"
import { type Scale, scenario, usual } from "./scenarios.js"

/** What is told of a run. */
export type Line = Pick<Run.Outcome, "seed" | "verdict" | "violation" | "hash" | "events" | "healedMillis">

export interface Chunk {
  readonly first: number
  readonly count: number
  readonly scale?: Scale
}

const { count, first, scale = usual }: Chunk = JSON.parse(process.argv[2] ?? "{}")

for (let seed = first; seed < first + count; seed++) {
  const { events, hash, healedMillis, verdict, violation } = Run.run(scenario(seed, scale))
  const line: Line = { seed, verdict, violation, hash, events, healedMillis }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
