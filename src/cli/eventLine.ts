/** The lines of `vix p2p --events ndjson`, and their JSON Schema. */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { NodeEvent } from "../domain/NodeEvent.js"
import * as Ndjson from "./ndjson.js"

const head = {
  ...Ndjson.head,
  node: Schema.String.annotations({ description: "the --id of the node; empty if it has none" })
}

const lineOf = (event: (typeof NodeEvent.members)[number]) =>
  Schema.Struct({ ...head, ...Struct.omit(event.fields, "atMillis") })

/** One line of `--events ndjson`. */
export const EventLine = Schema.Union(...NodeEvent.members.map(lineOf))

/** The JSON Schema of a line, as text. */
export const jsonSchema = (): string => Ndjson.jsonSchema("A line of vix p2p --events ndjson", EventLine)

const encode = Schema.encodeSync(NodeEvent)

/** Turns events into lines, numbered from 0. `dropped` is how many were left out since the last line. */
export const numbered = (node: string): (event: NodeEvent, dropped: number) => string => {
  const line = Ndjson.numbered({ node })
  return (event, dropped) => line(encode(event), dropped)
}
