/** The options of `vix simulate`: what the parser knows, what the help prints, and in which words. */
import { options as node } from "./options.js"
import type * as Table from "./table.js"

const world = "World"
const faults = "Faults, all of which heal when the time of --for is over"
const checks = "Checks"

export const options = {
  nodes: { section: world, value: "n", default: "10", text: "Nodes, which begin within a second." },
  for: {
    section: world,
    value: "time",
    default: "60s",
    text: "How long faults happen: 500ms, 60s, 10m, 1h."
  },
  calm: {
    section: world,
    value: "time",
    default: "120s",
    text: "How long after that all may take to be connected."
  },
  seed: { section: world, value: "n", text: "Decides all chance. Default: any, and printed." },
  order: {
    section: world,
    value: "seeded|fifo",
    default: "seeded",
    text: "Who runs next: drawn from the seed, or whoever was ready first."
  },
  "max-peers": { ...node["max-peers"], section: world },

  faults: {
    section: faults,
    value: "names",
    default: "none",
    text: "all, none, or some of those below, as in crash,loss: drawn from the seed."
  },
  loss: { section: faults, value: "part", default: "0%", text: "Packets that are lost, as in 5% or 0.05." },
  delay: { section: faults, value: "ms", default: "0", text: "Everything takes longer, by up to as much." },
  partition: {
    section: faults,
    value: "from..to",
    repeatable: true,
    text: "Two halves, drawn from the seed, cannot reach each other, as in 20s..40s. Repeatable."
  },
  crash: {
    section: faults,
    value: "n",
    default: "0",
    text: "Crashes, of nodes and at times drawn from the seed."
  },
  keep: {
    section: faults,
    value: "numbers",
    text: "Of all these faults only some, by the numbers that a failure prints, as in 2,5."
  },

  seeds: { section: checks, value: "n", default: "1", text: "Seeds to run, from --seed on." },
  jobs: {
    section: checks,
    value: "n",
    text: "Seeds that run side by side. Default: as many as there are cores."
  },
  twice: { section: checks, text: "Run every seed twice: both traces must be the same." },

  quiet: { section: "Output", text: "Print one line at the end and nothing else." },
  events: {
    section: "Output",
    value: "off|ndjson",
    default: "off",
    text: "Print the trace as JSON lines, then what came of it; of many seeds, that alone."
  },
  timeline: {
    section: "Output",
    value: "file.svg",
    text: "Draw every node's peers over time, and the faults; of one seed."
  },
  "log-level": {
    section: "Output",
    value: "level",
    default: "error",
    text: "Of the nodes' logs: trace, debug, info, warn, error, critical or off."
  },

  discovery: node.discovery,
  "disc-port": node["disc-port"],
  "disc-mode": node["disc-mode"],
  "disc-interval": node["disc-interval"],

  bootstrap: node.bootstrap,
  "boot-interval": node["boot-interval"],
  announce: { ...node.announce, text: "Announce the nodes to the registry." }
} as const satisfies Table.Table

/** The options that decide what happens in the world; the others change only what is seen of it. */
export const decisive: ReadonlySet<string> = new Set(
  Object.entries(options).flatMap(([name, { section }]) =>
    name === "seed" || section === "Output" || section === checks ? [] : [name]
  )
)

/** The options that make faults. */
export const faulty: ReadonlySet<string> = new Set(
  Object.entries(options).flatMap(([name, { section }]) => section === faults ? [name] : [])
)
