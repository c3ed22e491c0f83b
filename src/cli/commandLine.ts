/** From the words of a line to the values of a table of options, with everything that is wrong at once. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Options from "@effect/cli/Options"
import type { ValidationError } from "@effect/cli/ValidationError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type { Decoder } from "./decoders.js"
import { prepare, quoted, unquote } from "./prepare.js"
import { type Name, namesOf, type Table, type ValueName } from "./table.js"

/** A line that cannot be run. `problems` has one line for each mistake. */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly problems: ReadonlyArray<string>
  /** Whether the line asks for machine-readable output. */
  readonly events: "off" | "ndjson"
  /** The node that it is for, where it names one. */
  readonly node?: string | undefined
}> {
  override get message(): string {
    return this.problems.join("\n")
  }
}

/** What each value of a table may be. */
export type Decoders<T extends Table> = { readonly [N in ValueName<T>]: Decoder<unknown> }

type Decoded<D> = D extends Decoder<infer A> ? A : never

/** The decoded values of a line; nothing where there is none, or none that is right. */
export type Values<T extends Table, D extends Decoders<T>> = {
  readonly [N in ValueName<T>]: T[N] extends { readonly repeatable: true } ? ReadonlyArray<Decoded<D[N]>>
    : Decoded<D[N]> | undefined
}

/** Values of which some are there for certain. */
export type Complete<T extends Table, D extends Decoders<T>, N extends ValueName<T>> =
  & Values<T, D>
  & { readonly [Each in N]: Decoded<D[Each]> }

export interface Reading<T extends Table, D extends Decoders<T>> {
  readonly values: Values<T, D>
  /** The options that stand on the line, with their values as they were written; a switch has none. */
  readonly given: ReadonlyMap<Name<T>, ReadonlyArray<string>>
  /** One line for each mistake. */
  readonly problems: ReadonlyArray<string>
}

/** Reads what follows the name of a command. */
export const read = <T extends Table, D extends Decoders<T>>(
  table: T,
  decoders: D,
  argv: ReadonlyArray<string>
): Effect.Effect<Reading<T, D>> => {
  const { args, problems: unprepared } = prepare(argv, table)
  return Effect.map(match(table, args), (texts) => {
    const problems = [...unprepared]
    const values: Record<string, unknown> = {}
    for (const name of namesOf(table)) {
      const { default: fallback, repeatable, value } = table[name] ?? {}
      if (value === undefined) continue
      const decode: Decoder<unknown> = decoders[name as ValueName<T>]
      const decoded = (texts.get(name) ?? (fallback === undefined ? [] : [fallback])).flatMap((text) => {
        const result = decode(text)
        if (Either.isRight(result)) return [result.right]
        problems.push(`--${name} ${quoted(text)}: ${result.left}`)
        return []
      })
      values[name] = repeatable === true ? decoded : decoded[0]
    }
    return { values: values as Values<T, D>, given: texts, problems }
  })
}

/** The values of each option on the line; of a switch, none. */
const match = <T extends Table>(
  table: T,
  args: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<Name<T>, ReadonlyArray<string>>> => {
  const names = namesOf(table)
  const syntax = Options.all(Object.fromEntries(
    names.map((name): [string, Options.Options<ReadonlyArray<string> | boolean>] => [
      name,
      table[name]?.value === undefined ? Options.boolean(name) : Options.repeated(Options.text(name))
    ])
  ))
  // What was prepared always matches, and text and switches need no service.
  return (Options.processCommandLine(
    syntax,
    args,
    CliConfig.make({ isCaseSensitive: true })
  ) as Effect.Effect<
    [Option.Option<ValidationError>, Array<string>, Record<string, ReadonlyArray<string> | boolean>],
    ValidationError
  >).pipe(
    Effect.map(([, , given]) => {
      const texts = new Map<Name<T>, ReadonlyArray<string>>()
      for (const name of names) {
        const found = given[name]
        if (typeof found === "object" && found.length > 0) texts.set(name, found.map(unquote))
        if (found === true) texts.set(name, [])
      }
      return texts
    }),
    Effect.orDie
  )
}
