/** A program: runs one seed after the other and prints a line of JSON for each. */
import * as Fault from "../../src/simulation/Fault.js"
import * as Run from "../../src/simulation/Run.js"
import { halves, type Scale, scenario, usual } from "./scenarios.js"

/** What is told of a run. */
export interface Line
  extends Pick<Run.Outcome, "seed" | "verdict" | "violation" | "hash" | "checks" | "healedMillis">
{
  readonly scale: Chunk["scale"]
  /** What befell the world. */
  readonly faults: ReadonlyArray<string>
  readonly begun: ReadonlyArray<readonly [Fault.Kind, number]>
  readonly mishaps: ReadonlyArray<readonly [string, number]>
}

export interface Chunk {
  readonly first: number
  readonly count: number
  /** On what scale all faults befall the nodes, or that a partition alone does. */
  readonly scale?: Scale | "halves"
}

const { count, first, scale = usual }: Chunk = JSON.parse(process.argv[2] ?? "{}")

for (let seed = first; seed < first + count; seed++) {
  const settings = scale === "halves" ? halves(seed) : scenario(seed, scale)
  const { begun, checks, faults, hash, healedMillis, mishaps, verdict, violation } = Run.run(settings)
  const line: Line = {
    seed,
    scale,
    verdict,
    violation,
    hash,
    checks,
    healedMillis,
    faults: faults.map(Fault.describe),
    begun: [...begun],
    mishaps: [...mishaps]
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
