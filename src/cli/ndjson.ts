/** Machine-readable output: what every line has, whatever its event. */
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { hasRoom, type Out } from "./terminal.js"
import { harmlessJson } from "./text.js"

/** What stands before the event. */
export const head = {
  v: Schema.Literal(1).annotations({ description: "version of this format" }),
  seq: Schema.NonNegativeInt.annotations({ description: "0, 1, 2... without gaps" }),
  t: Schema.String.annotations({ description: "wall clock", jsonSchema: { format: "date-time" } }),
  dropped: Schema.optionalWith(
    Schema.Int.pipe(Schema.positive()).annotations({
      description: "how many events right before this one were left out because nobody read the output"
    }),
    { exact: true }
  )
}

/** The JSON Schema of a line, as text. Readers ignore members that they do not know. */
export const jsonSchema = (title: string, line: Schema.Schema.All): string => {
  const $defs: Record<string, JSONSchema.JsonSchema7> = {}
  const schema = JSONSchema.fromAST(line.ast, { definitions: $defs, additionalPropertiesStrategy: "allow" })
  const document = { $schema: "http://json-schema.org/draft-07/schema#", title, $defs, ...schema }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/**
 * Turns encoded events into lines, numbered from 0. `all` is said on every line; `dropped` is how many were left out
 * since the last one.
 */
export const numbered = (all: Readonly<Record<string, string>>) => {
  let seq = 0
  return (
    { atMillis, ev, ...rest }: { readonly atMillis: number; readonly ev: string },
    dropped: number
  ): string => {
    const t = new Date(atMillis).toISOString()
    const missing = dropped > 0 ? { dropped } : {}
    return `${harmlessJson(JSON.stringify({ v: 1, seq: seq++, t, ...all, ev, ...missing, ...rest }))}\n`
  }
}

/**
 * Writes events as lines. What finds more than so many bytes waiting is left out and counted on the next line, but the
 * last one never is.
 */
export const writer = <E extends { readonly ev: string }>(
  stdout: Out,
  mostBytes: number,
  lineOf: (event: E, dropped: number) => string
) => {
  let dropped = 0
  return (event: E): void => {
    if (event.ev !== "final" && !hasRoom(stdout, mostBytes)) {
      dropped++
      return
    }
    stdout.write(lineOf(event, dropped))
    dropped = 0
  }
}
