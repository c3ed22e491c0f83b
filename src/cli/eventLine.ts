/** Machine-readable output: the shape of a line, and its JSON Schema. */
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { NodeEvent } from "../domain/NodeEvent.js"
import { harmlessJson } from "./text.js"

const head = {
  v: Schema.Literal(1).annotations({ description: "version of this format" }),
  seq: Schema.NonNegativeInt.annotations({ description: "0, 1, 2... without gaps" }),
  t: Schema.String.annotations({ description: "wall clock", jsonSchema: { format: "date-time" } }),
  node: Schema.String.annotations({ description: "the --id of the node; empty if it has none" }),
  dropped: Schema.optionalWith(
    Schema.Int.pipe(Schema.positive()).annotations({
      description: "how many events right before this one were left out because nobody read the output"
    }),
    { exact: true }
  )
}

const lineOf = (event: (typeof NodeEvent.members)[number]) =>
  Schema.Struct({ ...head, ...Struct.omit(event.fields, "atMillis") })

/** One line of `--events ndjson`. */
export const EventLine = Schema.Union(...NodeEvent.members.map(lineOf))

/** The JSON Schema of a line, as text. Readers ignore members that they do not know. */
export const jsonSchema = (): string => {
  const $defs: Record<string, JSONSchema.JsonSchema7> = {}
  const schema = JSONSchema.fromAST(EventLine.ast, {
    definitions: $defs,
    additionalPropertiesStrategy: "allow"
  })
  return `${
    JSON.stringify(
      {
        $schema: "http://json-schema.org/draft-07/schema#",
        title: "A line of vix p2p --events ndjson",
        $defs,
        ...schema
      },
      undefined,
      2
    )
  }\n`
}

const encode = Schema.encodeSync(NodeEvent)

/** Turns events into lines, numbered from 0. `dropped` is how many were left out since the last line. */
export const numbered = (node: string): (event: NodeEvent, dropped: number) => string => {
  let seq = 0
  return (event, dropped) => {
    const { atMillis, ev, ...rest } = encode(event)
    const t = new Date(atMillis).toISOString()
    const missing = dropped > 0 ? { dropped } : {}
    return `${harmlessJson(JSON.stringify({ v: 1, seq: seq++, t, node, ev, ...missing, ...rest }))}\n`
  }
}
