/** Where a simulation shows itself: results to stdout in the form asked for, everything else to stderr. */
import { epochMillis } from "../simulation/Process.js"
import type { Happening } from "../simulation/Trace.js"
import * as Screen from "./screen.js"
import type { Invocation } from "./simulateParse.js"
import { complaint } from "./telling.js"
import type { Terminal } from "./terminal.js"
import { harmlessJson } from "./text.js"

export type Mode = "lines" | "screen" | "quiet" | "ndjson"

/** NDJSON beats quiet, quiet beats the screen. */
export const modeOf = (
  { events, quiet }: Pick<Invocation, "events" | "quiet">,
  { dumb, stdout }: Terminal
): Mode => events === "ndjson" ? "ndjson" : quiet ? "quiet" : stdout.isTTY && !dumb ? "screen" : "lines"

export interface Output {
  /** Shows where the run stands, where that can be rewritten. */
  readonly progress: ((line: string) => void) | undefined
  /** Results for people. */
  readonly print: (text: string) => void
  /** The one line of `--quiet`. */
  readonly line: (text: string) => void
  /** What went wrong in the world: a result, but told in any case. */
  readonly report: (text: string) => void
  /** What people are told beside the results. */
  readonly note: (text: string) => void
  /** What is wrong with the run itself. */
  readonly fail: (text: string, atMillis: number) => void
  /** An event of the trace; only where programs read it. */
  readonly happening: ((happening: Happening) => void) | undefined
  /** What became of a seed, for programs. */
  readonly result: (result: { readonly worldMillis: number; readonly ev: string }) => void
  /** Takes the progress away. */
  readonly end: () => void
}

/** The output of a run. */
export const make = (mode: Mode, terminal: Terminal): Output => {
  const { stderr, stdout } = terminal
  const screen = mode === "screen" ? Screen.make(terminal) : undefined
  const above = (print: () => void) => screen === undefined ? print() : screen.above(print)
  const lineOf = numbered()
  const object = (t: number, rest: object) => {
    if (mode === "ndjson") stdout.write(lineOf(t, rest))
  }
  const note = (text: string) => above(() => stderr.write(`${text}\n`))
  const people = mode === "lines" || mode === "screen"
  const print = (text: string) => {
    if (people) above(() => stdout.write(text))
  }
  return {
    progress: screen?.draw,
    print,
    line: (text) => {
      if (mode === "quiet") stdout.write(text)
    },
    report: people ? print : (text) => note(text.trimEnd()),
    note,
    fail: (text, atMillis) => {
      note(complaint("simulate", text))
      object(atMillis, { ev: "log", level: "error", message: text })
    },
    happening: mode !== "ndjson" ?
      undefined :
      ({ atMicros, event, life, node }) =>
        object(epochMillis + Math.floor(atMicros / 1_000), { atMicros, node, life, ...event }),
    result: (result) => object(epochMillis + Math.floor(result.worldMillis), result),
    end: () => screen?.end()
  }
}

/** Lines of JSON, numbered from 0. What follows `life` is the event as it is hashed. */
const numbered = () => {
  let seq = 0
  return (atMillis: number, rest: object): string =>
    `${harmlessJson(JSON.stringify({ v: 1, seq: seq++, t: new Date(atMillis).toISOString(), ...rest }))}\n`
}
