/** What is answered before anything is loaded: help, version, and commands that do not exist. */
import { nearest } from "./nearest.js"
import { names, option, sections } from "./options.js"

export interface Answer {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  readonly exitCode: number
}

const commands = {
  p2p: "Run a peer-to-peer node.",
  schema: "Print the JSON Schema of `vix p2p --events ndjson`."
}

/** The answer to a command line that needs no node, or nothing. */
export const answer = (argv: ReadonlyArray<string>, version: string): Answer | undefined => {
  const [command] = argv
  if (argv.includes("--version")) return { stream: "stdout", text: `vix ${version}\n`, exitCode: 0 }
  if (command === undefined || argv.includes("-h") || argv.includes("--help")) {
    return { stream: "stdout", text: command === "p2p" ? p2p() : overview(), exitCode: 0 }
  }
  if (!Object.hasOwn(commands, command)) {
    const known = Object.keys(commands)
    const hint = command.startsWith("-")
      ? `expected a command first, such as vix p2p ${command}`
      : `unknown command; did you mean vix ${nearest(command, known)}?`
    return {
      stream: "stderr",
      text: `vix ${JSON.stringify(command)}: ${hint}\nSee vix --help\n`,
      exitCode: 1
    }
  }
  if (command === "schema" && argv.length > 1) {
    return { stream: "stderr", text: "vix schema takes no arguments\nSee vix --help\n", exitCode: 1 }
  }
  return undefined
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
vix p2p --help shows the options of a node.
`

const p2p = (): string => {
  const parts = sections.map((section) => {
    const rows = names.filter((name) => option(name).section === section).map((name) => {
      const { default: fallback, text, value } = option(name)
      return [
        value === undefined ? `--${name}` : `--${name} <${value}>`,
        fallback === undefined ? text : `${text} Default: ${fallback}.`
      ] as const
    })
    return `${section}\n${table(rows)}`
  })
  return `vix p2p: run a peer-to-peer node

Usage: vix p2p --id <node_id> --listen <port> [options]

${parts.join("\n")}
Anywhere on the line
${everywhere}
Values follow their option, as in --listen 9001 or --listen=9001.

Examples
  vix p2p --id A --listen 9001
  vix p2p --id B --listen 9002 --connect 127.0.0.1:9001
  vix p2p --id A --listen 9001 --run 10 --quiet

Exit codes: 0 normal end, 1 usage, 3 cannot listen, 5 --wait-peers not met, 70 a defect, 130 or 143 a second signal.
`
}
