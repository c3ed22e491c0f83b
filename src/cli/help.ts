/** What is answered before anything is loaded: help, version, and commands that do not exist. */
import * as Fault from "../simulation/Fault.js"
import { didYouMean } from "./nearest.js"
import { options } from "./options.js"
import { quoted } from "./prepare.js"
import { options as registryOptions } from "./registryOptions.js"
import { options as simulateOptions } from "./simulateOptions.js"
import { namesOf, type Table } from "./table.js"

export interface Answer {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  readonly exitCode: number
}

const commands = {
  p2p: "Run a peer-to-peer node.",
  registry: "Run a registry, at which nodes find each other.",
  simulate: "Run many nodes in a simulated world, with faults, the same for the same seed.",
  schema: "Print the JSON Schema of `vix p2p --events ndjson`; with `registry` behind it, of `vix registry`."
}

// Named in the README as not there yet.
const later = ["ping", "doctor"]

/** The answer to a command line that needs no node, or nothing. */
export const answer = (argv: ReadonlyArray<string>, version: string): Answer | undefined => {
  const [command, ...rest] = argv
  if (command === "help") return answer([...rest, "--help"], version)
  if (argv.includes("--version")) return { stream: "stdout", text: `vix ${version}\n`, exitCode: 0 }
  if (command === undefined || argv.includes("-h") || argv.includes("--help")) {
    const page = Object.hasOwn(pages, command ?? "") ? pages[command ?? ""] : undefined
    return { stream: "stdout", text: (page ?? overview)(), exitCode: 0 }
  }
  if (!Object.hasOwn(commands, command)) return refusal(`${quoted(command)}: ${wrongWith(command)}`)
  if (command === "schema" && rest.length > 0 && rest.join(" ") !== "registry") {
    return refusal(`schema ${quoted(rest.join(" "))}: expected registry or nothing`)
  }
  return undefined
}

const refusal = (problem: string): Answer => ({
  stream: "stderr",
  text: `vix ${problem}\nSee vix --help\n`,
  exitCode: 1
})

/** What is wrong with a word that is no command. */
const wrongWith = (word: string): string => {
  if (later.includes(word)) return "not in this version"
  const names = Object.keys(commands)
  const question = didYouMean(word, [...names, "--help", "--version"], "vix ")
  if (question === "" && word.startsWith("-")) return `expected a command first: ${names.join(", ")}`
  return `unknown ${word.startsWith("-") ? "option" : "command"}${question}`
}

const table = (rows: ReadonlyArray<readonly [string, string]>): string => {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join("")
}

const everywhere = table([["-h, --help", "Show help."], ["--version", "Show the version."]])

const overview = (): string =>
  `vix: a peer-to-peer node

Usage: vix <command> [options]

Commands
${table(Object.entries(commands))}
Options, anywhere on the line
${everywhere}
vix p2p --help shows the options of a node, vix registry --help those of a registry, vix simulate --help those of
a simulation.
`

/** The options of a command, under their headings. */
const sectionsOf = (options: Table): string => {
  const sections = new Map<string, Array<readonly [string, string]>>()
  for (const name of namesOf(options)) {
    const { default: fallback, section = "", text, value } = options[name] ?? {}
    const row = [
      value === undefined ? `--${name}` : `--${name} <${value}>`,
      fallback === undefined ? `${text}` : `${text} Default: ${fallback}.`
    ] as const
    sections.set(section, [...sections.get(section) ?? [], row])
  }
  return Array.from(sections, ([section, rows]) => `${section}\n${table(rows)}`).join("\n")
}

const pages: Readonly<Record<string, () => string>> = {
  p2p: () =>
    `vix p2p: run a peer-to-peer node

Usage: vix p2p --id <node_id> --listen <port> [options]

${sectionsOf(options)}
Anywhere on the line
${everywhere}
Values follow their option, as in --listen 9001 or --listen=9001.

Examples
  vix p2p --id A --listen 9001
  vix p2p --id B --listen 9002 --connect 127.0.0.1:9001
  vix p2p --id A --listen 9001 --run 10 --quiet

Exit codes: 0 normal end, 1 usage, 3 cannot listen, 5 --wait-peers not met, 70 a defect, 130 or 143 a second signal.
`,
  registry: () =>
    `vix registry: run a registry, at which nodes find each other

Usage: vix registry [options]

${sectionsOf(registryOptions)}
Anywhere on the line
${everywhere}
Nodes come with vix p2p --bootstrap on --registry http://<host>:<port><base path>.
Below the base path: GET /peers?limit=<n>, POST /announce, DELETE /announce. At the top: GET /health,
/openapi.json, and a page for people at /docs. Nobody has to prove who he is: what is listed is a hint.

Examples
  vix registry
  vix registry --listen 9000 --bind 127.0.0.1 --base-path /vix
  vix registry --store redis://127.0.0.1:6379 --trust-forwarded 10.0.0.5

Exit codes: 0 normal end, 1 usage or no way to the store, 3 cannot listen, 70 a defect, 130 or 143 a second signal.
`,
  simulate: () =>
    `vix simulate: run many nodes in a simulated world, with faults, the same for the same seed

Usage: vix simulate [options]

${sectionsOf(simulateOptions)}
Kinds of faults
${table(Object.entries(Fault.kinds))}
Anywhere on the line
${everywhere}
Nodes run as in vix p2p, in a world of its own time and network: nothing is sent, nothing waits. After the faults come
calm, in which all must be connected, and an end, of which nothing may be left. Laws are checked all the while. Of a
failure, what led to it is told, the fewest faults that lead to it, and the command that repeats it.

Examples
  vix simulate --nodes 20 --for 10m --seed 7 --loss 5% --partition 60s..120s --crash 3
  vix simulate --seeds 200 --nodes 10 --for 60s --faults all
  vix simulate --seed 7 --faults crash,freeze --timeline seven.svg

Exit codes: 0 all laws were kept, 1 usage or no way to write, 30 a safety law was broken, 31 not all were connected,
32 two runs of a seed were not the same, 70 a defect, 130 or 143 a second signal.
`
}
