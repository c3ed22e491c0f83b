/** Where the events of a registry go: results to stdout in the form asked for, lines for people to stderr. */
import * as Schema from "effect/Schema"
import * as RegistryLimits from "../domain/RegistryLimits.js"
import { type Level, shows } from "./level.js"
import * as Ndjson from "./ndjson.js"
import * as RegistryEvent from "./registryEvent.js"
import { complaint, logged } from "./telling.js"
import { hasRoom, type Out, type Terminal } from "./terminal.js"

export interface Plan {
  readonly mode: "lines" | "quiet" | "ndjson"
  readonly level: Level
}

export interface Output {
  /** Shows an event wherever it is to be seen. */
  readonly emit: (event: RegistryEvent.RegistryEvent) => void
  /** Tells of an error, whatever the log level. */
  readonly fail: (text: string, atMillis: number) => void
}

/** The output of a run. */
export const make = ({ level, mode }: Plan, { stderr, stdout }: Terminal): Output => {
  const results = makers[mode](stdout)
  const people = (text: string): void => {
    if (hasRoom(stderr, outputBytes)) stderr.write(`${text}\n`)
  }
  return {
    emit: (event) => {
      const line = RegistryEvent.describe(event)
      const shown = line !== undefined && shows(level, line.level)
      if (shown) people(logged(line, event.atMillis))
      if (event.ev !== "log" || shown) results(event)
    },
    fail: (text, atMillis) => {
      people(complaint("registry", text))
      results({ ev: "log", atMillis, level: "error", message: text })
    }
  }
}

const { outputBytes } = RegistryLimits.defaults

const encode = Schema.encodeSync(RegistryEvent.RegistryEvent)

const makers: Record<Plan["mode"], (stdout: Out) => Output["emit"]> = {
  lines: (stdout) => (event) => {
    if (event.ev !== "final" || event.exitCode !== 0) return
    const rows = Object.entries(event.counters).map(([name, count]) => `  ${name}=${count}\n`)
    stdout.write(`Final\n${rows.join("")}bye\n`)
  },
  quiet: (stdout) => (event) => {
    if (event.ev === "final" && event.exitCode === 0) {
      stdout.write(`${RegistryEvent.format(event.counters)}\n`)
    }
  },
  ndjson: (stdout) => {
    const lineOf = Ndjson.numbered({})
    return Ndjson.writer(stdout, outputBytes, (event, dropped) => lineOf(encode(event), dropped))
  }
}
