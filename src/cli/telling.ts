/** What every command tells people on stderr, in the same words. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { UsageError } from "./commandLine.js"
import type { Line } from "./describe.js"
import type { Terminal } from "./terminal.js"
import { printable } from "./text.js"

/** A line of the log. */
export const logged = ({ level, text }: Line, atMillis: number): string =>
  `${new Date(atMillis).toISOString()} ${level.padEnd(5)} ${text}`

/** What went wrong, in as many lines as it has. */
export const complaint = (command: string, text: string): string =>
  `vix ${command}: ${text.split("\n").map((line) => printable(line, 4_096)).join("\n")}`

/** Tells what is wrong with a command line; returns when that was, for the last event. */
export const misuse = (
  command: string,
  { problems }: UsageError,
  fail: (text: string, atMillis: number) => void,
  { stderr }: Terminal
): Effect.Effect<number> =>
  Effect.map(Clock.currentTimeMillis, (atMillis) => {
    for (const problem of problems) fail(problem, atMillis)
    stderr.write(`See vix ${command} --help\n`)
    return atMillis
  })
