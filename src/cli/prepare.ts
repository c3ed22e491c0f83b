/**
 * The pass over the words of a line before they are parsed: it splits `--flag=value`, finds what has no meaning
 * at all, and puts the values in quotation marks.
 */
import { didYouMean } from "./nearest.js"
import { namesOf, type Table } from "./table.js"
import { printable } from "./text.js"

export interface Prepared {
  /** Flags that exist, each that takes a value followed by it, quoted. */
  readonly args: ReadonlyArray<string>
  /** What is wrong, in the order of the line. */
  readonly problems: ReadonlyArray<string>
}

/**
 * Splits a command line into known flags and their values. Quoted, a value survives @effect/cli, which trims
 * values, drops empty ones and takes one that looks like a flag for that flag.
 */
export const prepare = (argv: ReadonlyArray<string>, table: Table): Prepared => {
  const args: Array<string> = []
  const problems: Array<string> = []
  const times = new Map<string, number>()
  const queue = [...argv]
  while (queue.length > 0) {
    const word = queue.shift() ?? ""
    const { dashes, flag = "", inline } = form.exec(word)?.groups ?? {}
    if (dashes === undefined) {
      problems.push(`${quoted(word)}: unexpected argument; every value follows its option`)
      continue
    }
    const [next] = queue
    const follows = next !== undefined && !next.startsWith("--")
    const option = dashes === "--" && Object.hasOwn(table, flag) ? table[flag] : undefined
    if (option === undefined) {
      if (inline === undefined && follows && !form.test(next)) queue.shift()
      const question = didYouMean(flag, namesOf(table), "--")
      problems.push(`${dashes}${shown(flag)}: unknown option${question}`)
      continue
    }
    const { repeatable, value: placeholder } = option
    const time = (times.get(flag) ?? 0) + 1
    times.set(flag, time)
    if (placeholder === undefined) {
      if (inline !== undefined) problems.push(`--${flag} ${quoted(inline)}: takes no value`)
      args.push(`--${flag}`)
    } else {
      const value = inline ?? (follows ? queue.shift() : undefined)
      if (value === undefined) {
        problems.push(`--${flag}: its value is missing; expected --${flag} <${placeholder}>`)
      } else args.push(`--${flag}`, `"${value}"`)
    }
    if (time === 2 && repeatable === undefined) {
      problems.push(`--${flag}: given more than once; expected once`)
    }
  }
  return { args, problems }
}

/** A value as the user wrote it, out of its quotation marks. */
export const unquote = (value: string): string => value.slice(1, -1)

/** A value as it is shown in an error: harmless, and without the user and the password of an address. */
export const quoted = (value: string): string => `"${shown(value)}"`

const shown = (text: string): string => printable(text.replace(/^(?=.*:.*@)(.*?\/\/)?.*@/s, "$1…@"))

/** An option, or what was meant as one: with one dash there is none. */
const form = /^(?<dashes>--(?=.)|-(?=[a-z]))(?<flag>[^=]*)(=(?<inline>.*))?$/is
