/** `npm run bench`: every scenario and contender in turn, round after round, each sample in processes of its own. */
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Sample } from "./Load.js"
import * as Report from "./Report.js"
import { type Scenario, scenarios } from "./Scenario.js"

const usage = `npm run bench -- [--only NAME,...] [--quick] [--rounds N] [--seconds S] [--profile DIR]

  --only      ${scenarios.map(({ name }) => name).join(", ")}, or how the names begin
  --quick     1 round of half a second, without ${
  scenarios.filter(({ long }) => long).map(({ name }) => name).join(", ")
}
  --rounds    samples of each, 5; some scenarios take fewer
  --seconds   time of each sample under load, 1, after as long again to warm up, 0.75 at least; thrice that for handshakes
  --profile   write CPU profiles of all ends under load into this folder`

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    profile: { type: "string" }
  }
})
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const seconds = Number(values.seconds ?? (values.quick ? 0.5 : 1))
const options = { seconds, warmSeconds: Math.max(seconds, 0.75), profiles: values.profile }
const names = values.only?.split(",")
const unknown = names?.find((name) => !scenarios.some((scenario) => scenario.name.startsWith(name)))
const wanted = scenarios.filter(({ long, name }) =>
  names?.some((begin) => name.startsWith(begin)) ?? !(values.quick && long === true)
)

const run = async () => {
  const before = Report.machine()
  const { cores, cpu, load, node, openssl, system } = before
  console.log(`${cpu}, ${cores} cores, load ${load.toFixed(1)}; ${system}; Node ${node}, OpenSSL ${openssl}`)
  console.log(
    `${rounds} interleaved rounds, ${seconds} s a sample; raw, protocol and node are the limits`
  )
  const chosen = wanted.filter(({ name, unfit }) => {
    const why = unfit?.()
    if (why !== undefined) console.log(`${name} is left out: ${why}`)
    return why === undefined
  })
  const samples = await sampleAll(chosen)
  const rows = chosen.flatMap((scenario) => Report.rows(scenario, samples.get(scenario.name) ?? new Map()))
  console.log(`\n${Report.table(rows)}`)
  const folder = fileURLToPath(new URL("../results/", import.meta.url))
  mkdirSync(folder, { recursive: true })
  const at = new Date().toISOString()
  const file = `${folder}${at.replaceAll(":", "-").slice(0, 19)}.json`
  const after = Report.machine().load
  writeFileSync(
    file,
    JSON.stringify({ at, machine: before, loadAfter: after, rounds, seconds, rows }, null, 2)
  )
  console.log(`\nload ${after.toFixed(1)} at the end; all samples in ${file}`)
}

const sampleAll = async (chosen: ReadonlyArray<Scenario>) => {
  const samples = new Map<string, Map<string, Array<Sample>>>()
  for (let round = 0; round < rounds; round++) {
    for (const { contenders, mostRounds = rounds, name, sample } of chosen) {
      if (round >= mostRounds) continue
      const of = samples.get(name) ?? new Map<string, Array<Sample>>()
      samples.set(name, of)
      // Nobody is always the first, nor always behind the same one.
      const turn = round % 2 === 0 ? contenders : contenders.toReversed()
      for (const contender of turn) {
        // Who failed once does not take the others' time again.
        if (round > (of.get(contender)?.length ?? 0)) continue
        progress(`round ${round + 1}: ${name}, ${contender}`)
        try {
          of.set(contender, [...of.get(contender) ?? [], await sample(contender, options)])
        } catch (error) {
          progress("")
          console.error(`${name}, ${contender}: ${error instanceof Error ? error.message : String(error)}`)
          process.exitCode = 1
        }
      }
    }
  }
  progress("")
  return samples
}

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`)
}

if (values.help) console.log(usage)
else if (unknown !== undefined || !(rounds >= 1) || !(seconds > 0)) {
  console.error(unknown === undefined ? usage : `no scenario ${unknown}\n\n${usage}`)
  process.exitCode = 1
} else await run()
