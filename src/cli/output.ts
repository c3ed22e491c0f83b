/** Where events go: results to stdout in the form asked for, lines for people to stderr. */
import * as Option from "effect/Option"
import * as Counters from "../domain/Counters.js"
import * as Limits from "../domain/Limits.js"
import type { NodeEvent } from "../domain/NodeEvent.js"
import { describe, type Line } from "./describe.js"
import * as EventLine from "./eventLine.js"
import { type Level, shows } from "./level.js"
import * as Ndjson from "./ndjson.js"
import type { Invocation } from "./parse.js"
import * as Screen from "./screen.js"
import { complaint, logged } from "./telling.js"
import { hasRoom, type Terminal } from "./terminal.js"

export type Mode = "lines" | "tui" | "quiet" | "ndjson"

export interface Plan {
  readonly mode: Mode
  readonly level: Level
  readonly warnings: ReadonlyArray<string>
}

/** How a run shows itself: NDJSON beats quiet, quiet beats the screen. */
export const plan = (
  wishes: Pick<Invocation, "events" | "quiet" | "tui" | "logLevel">,
  terminal: Pick<Terminal, "stdout" | "dumb">
): Plan => {
  const able = terminal.stdout.isTTY && !terminal.dumb
  const wanted = Option.getOrElse(wishes.tui, () => able)
  const mode = wishes.events === "ndjson"
    ? "ndjson"
    : wishes.quiet
    ? "quiet"
    : wanted && able
    ? "tui"
    : "lines"
  const usual = wishes.quiet ? "error" : mode === "tui" ? "warn" : "info"
  return {
    mode,
    level: Option.getOrElse(wishes.logLevel, () => usual),
    warnings: wanted && mode === "lines"
      ? ["--tui on: stdout is no terminal that can rewrite a line; the stats come line by line"]
      : []
  }
}

export interface Output {
  /** Shows an event wherever it is to be seen. */
  readonly emit: (event: NodeEvent) => void
  /** Tells of an error, whatever the log level. */
  readonly fail: (text: string, atMillis: number) => void
}

/** Nothing but the final line, as `--quiet` prints it. */
export const quietLine = (counters: Counters.Counters): string => `${Counters.format(counters)}\n`

/** One stats line. */
export const statsLine = (counters: Counters.Counters): string => `[vix p2p] ${Counters.format(counters)}\n`

/** What stands at the end of a run. */
export const finalBlock = (counters: Counters.Counters): string =>
  `Final\n${Counters.names.map((name) => `  ${name}=${counters[name]}\n`).join("")}bye\n`

type Results = Pick<Output, "emit"> & { readonly above: (print: () => void) => void }

/** The output of a run. `node` is its node id, if it has a right one. */
export const make = ({ level, mode }: Plan, node: string, terminal: Terminal): Output => {
  const results = makers[mode](terminal, node)
  const told = oncePerCause()
  const moderate = aFewAMinute()
  const people = (text: string) =>
    results.above(() => {
      if (hasRoom(terminal.stderr, mailboxBytes)) terminal.stderr.write(`${text}\n`)
    })
  return {
    emit: (event) => {
      const line = moderate(event, told(event, describe(event)))
      if (line !== undefined && shows(level, line.level)) {
        people(logged(line, event.atMillis))
      }
      if (event.ev !== "log" || line === undefined || shows(level, line.level)) results.emit(event)
    },
    fail: (text, atMillis) => {
      people(complaint("p2p", text))
      results.emit({ ev: "log", atMillis, level: "error", message: text })
    }
  }
}

/** A registry that stays away is told of once; a last visit that fails hurts nobody. */
const oncePerCause = () => {
  let last: string | undefined
  return (event: NodeEvent, line: Line | undefined): Line | undefined => {
    if (event.ev === "registry.ok") last = undefined
    if (event.ev !== "registry.error" || line === undefined) return line
    const repeated = event.reason === last || event.action === "leave"
    last = event.reason
    return repeated ? { ...line, level: "debug" } : line
  }
}

/** Others can cause some warnings as often as they like: of each kind, what comes beyond is for who asks for more. */
const aFewAMinute = () => {
  const told = new Map<string, { readonly sinceMillis: number; readonly times: number }>()
  return (event: NodeEvent, line: Line | undefined): Line | undefined => {
    if (line?.level !== "warn" || !byOthers.has(event.ev)) return line
    const before = told.get(event.ev)
    const isNew = before === undefined || Math.abs(event.atMillis - before.sinceMillis) >= minuteMillis
    const { sinceMillis, times } = isNew ? { sinceMillis: event.atMillis, times: 0 } : before
    told.set(event.ev, { sinceMillis, times: times + 1 })
    if (times >= warningsAMinute) return { ...line, level: "debug" }
    return times < warningsAMinute - 1
      ? line
      : { ...line, text: `${line.text}; more of this kind are left to --log-level debug for a minute` }
  }
}

const byOthers: ReadonlySet<NodeEvent["ev"]> = new Set(["dial.failed", "handshake.rejected", "id.conflict"])

const minuteMillis = 60_000

// Enough to see what it is about.
const warningsAMinute = 20

/** An end that was meant to be; others have an error instead of counters. */
const isNormal = (exitCode: number): boolean => exitCode === 0 || exitCode === 5

const { mailboxBytes } = Limits.defaults

const direct = (print: () => void) => print()

const makers: Record<Mode, (terminal: Terminal, node: string) => Results> = {
  lines: ({ stdout }) => ({
    above: direct,
    emit: (event) => {
      if (event.ev === "stats" && hasRoom(stdout, mailboxBytes)) stdout.write(statsLine(event.counters))
      if (event.ev === "final" && isNormal(event.exitCode)) stdout.write(finalBlock(event.counters))
    }
  }),
  quiet: ({ stdout }) => ({
    above: direct,
    emit: (event) => {
      if (event.ev === "final" && isNormal(event.exitCode)) stdout.write(quietLine(event.counters))
    }
  }),
  tui: (terminal) => {
    const { stderr, stdout } = terminal
    const screen = Screen.make(terminal)
    return {
      above: stderr.isTTY ? screen.above : direct,
      emit: (event) => {
        if (event.ev === "stats") screen.draw(statsLine(event.counters).trimEnd())
        if (event.ev !== "final") return
        screen.end()
        if (isNormal(event.exitCode)) stdout.write(finalBlock(event.counters))
      }
    }
  },
  ndjson: ({ stdout }, node) => ({
    above: direct,
    emit: Ndjson.writer(stdout, mailboxBytes, EventLine.numbered(node))
  })
}
