/** Where the events of a registry go: results to stdout in the form asked for, lines for people to stderr. */
import * as Schema from "effect/Schema"
import * as RegistryLimits from "../domain/RegistryLimits.js"
import { type Level, shows } from "./level.js"
import * as Ndjson from "./ndjson.js"
import * as RegistryEvent from "./registryEvent.js"
import type { Out, Terminal } from "./terminal.js"
import { printable } from "./text.js"

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
    if (hasRoom(stderr)) stderr.write(`${text}\n`)
  }
  return {
    emit: (event) => {
      const line = RegistryEvent.describe(event)
      const shown = line !== undefined && shows(level, line.level)
      if (shown) people(`${new Date(event.atMillis).toISOString()} ${line.level.padEnd(5)} ${line.text}`)
      if (event.ev !== "log" || shown) results(event)
    },
    fail: (text, atMillis) => {
      people(`vix registry: ${text.split("\n").map((part) => printable(part, 4_096)).join("\n")}`)
      results({ ev: "log", atMillis, level: "error", message: text })
    }
  }
}

// What a reader leaves standing may not fill the memory.
const hasRoom = (out: Out): boolean => out.waiting() <= RegistryLimits.defaults.outputBytes

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
    let dropped = 0
    return (event) => {
      if (event.ev !== "final" && !hasRoom(stdout)) {
        dropped++
        return
      }
      stdout.write(lineOf(encode(event), dropped))
      dropped = 0
    }
  }
}
