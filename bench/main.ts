/** `npm run bench`: every scenario and contender in turn, round after round, each sample in processes of its own. */
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Sample } from "./Load.js"
import * as Report from "./Report.js"
import { scenarios } from "./Scenario.js"

const usage = `npm run bench -- [--only NAME,...] [--quick] [--rounds N] [--seconds S] [--profile DIR]

  --only      ${scenarios.map(({ name }) => name).join(", ")}
  --quick     2 rounds of half a second
  --rounds    samples of each, 5
  --seconds   time of each sample under load, 1.5, and as long again to warm up
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
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
const seconds = Number(values.seconds ?? (values.quick ? 0.5 : 1.5))
const options = { seconds, warmSeconds: seconds, profiles: values.profile }
const names = values.only?.split(",")
const unknown = names?.find((name) => !scenarios.some((scenario) => scenario.name === name))
const chosen = scenarios.filter(({ name }) => names?.includes(name) ?? true)

const run = async () => {
  const before = Report.machine()
  const { cores, cpu, load, node, openssl, system } = before
  console.log(`${cpu}, ${cores} cores, load ${load.toFixed(1)}; ${system}; Node ${node}, OpenSSL ${openssl}`)
  console.log(
    `${rounds} interleaved rounds, ${seconds} s a sample; ratios are to the first contender of a scenario\n`
  )
  const samples = new Map<string, Map<string, Array<Sample>>>()
  for (let round = 0; round < rounds; round++) {
    for (const { contenders, name, sample } of chosen) {
      const of = samples.get(name) ?? new Map<string, Array<Sample>>()
      samples.set(name, of)
      // Nobody is always the first, nor always behind the same one.
      const turn = round % 2 === 0 ? contenders : contenders.toReversed()
      for (const contender of turn) {
        process.stderr.write(`\rround ${round + 1}: ${name}, ${contender}\x1b[K`)
        of.set(contender, [...of.get(contender) ?? [], await sample(contender, options)])
      }
    }
  }
  process.stderr.write("\r\x1b[K")
  const rows = chosen.flatMap((scenario) => Report.rows(scenario, samples.get(scenario.name) ?? new Map()))
  console.log(Report.table(rows))
  const folder = fileURLToPath(new URL("../../bench/results/", import.meta.url))
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

if (values.help) console.log(usage)
else if (unknown !== undefined || !(rounds >= 1) || !(seconds > 0)) {
  console.error(unknown === undefined ? usage : `no scenario ${unknown}\n\n${usage}`)
  process.exitCode = 1
} else await run()
