import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as EventLine from "../../src/cli/eventLine.js"
import * as RegistryEvent from "../../src/cli/registryEvent.js"
import * as RegistryLine from "../../src/cli/registryParse.js"
import * as SimulateLine from "../../src/cli/simulateParse.js"
import * as Counters from "../../src/domain/Counters.js"
import * as Reason from "../../src/domain/Reason.js"
import * as Beacon from "../../src/protocol/Beacon.js"
import { Entry } from "../../src/protocol/RegistryMessage.js"
import { tryParse } from "../cli/standIns.js"
import { blocksIn } from "./documents.js"

const parsers = {
  p2p: tryParse,
  registry: (argv: ReadonlyArray<string>) => Effect.runSync(Effect.either(RegistryLine.parse(argv))),
  simulate: (argv: ReadonlyArray<string>) => Effect.runSync(Effect.either(SimulateLine.parse(argv)))
}

/** What a command of ours on a line of a shell comes to; nothing if there is none. */
const parsedOf = (line: string) => {
  const { command, rest = "" } = /\bvix (?<command>p2p|registry|simulate)\b(?<rest>.*)$/.exec(line)?.groups ??
    {}
  if (command !== "p2p" && command !== "registry" && command !== "simulate") return undefined
  const words = rest
    .replaceAll(/\$\([^)]*\)/g, "9001")
    .replace(/ (\d?>|\||&|# ).*$/, "")
    .replaceAll(/["']/g, "")
    .split(/\s+/)
    .filter((word) => word !== "")
  const parse: (argv: ReadonlyArray<string>) => Either.Either<unknown, Problems> = parsers[command]
  return { command, outcome: parse(words) }
}

interface Problems {
  readonly problems: ReadonlyArray<string>
}

describe("command lines in the documents", () => {
  for (const { text, where } of blocksIn("sh")) {
    it(`parse: ${where}`, () => {
      for (const line of text.replaceAll("\\\n", " ").split("\n")) {
        const parsed = parsedOf(line)
        if (parsed !== undefined) Either.getOrThrow(parsed.outcome)
      }
    })
  }

  for (const { text, where } of blocksIn("console")) {
    it(`print what is shown: ${where}`, () => {
      const [command = "", ...shown] = text.split("\n")
      assert.match(command, /^\$ vix (p2p|registry|simulate)/)
      const parsed = parsedOf(command)
      if (parsed === undefined) return
      const name = `vix ${parsed.command}`
      Either.match(parsed.outcome, {
        onLeft: ({ problems }) =>
          assert.deepStrictEqual(shown, [
            ...problems.map((problem) => `${name}: ${problem}`),
            `See ${name} --help`
          ]),
        onRight: () => {
          for (const line of shown) {
            assert.match(line, /^(vix (p2p|registry): |peers_total=|\d{4}-\d\d-\d\dT[\d:.]+Z )/)
          }
        }
      })
    })
  }
})

describe("output in the documents", () => {
  const lines = blocksIn("text", "console").flatMap(({ text, where }) =>
    text.split("\n").map((line) => ({ line, where }))
  )
  const matching = (pattern: RegExp) => {
    const found = lines.filter(({ line }) => pattern.test(line))
    assert.isAbove(found.length, 0)
    return found
  }

  it("has the nine counters in their order", () => {
    const shape = new RegExp(`^(\\[vix p2p\\] )?${Counters.names.map((name) => `${name}=\\d+`).join(" ")}$`)
    for (const { line, where } of matching(/^(\[vix p2p\] |peers_total)/)) assert.match(line, shape, where)
  })

  it("says why in the words of the table of reasons", () => {
    const texts = Reason.all.map(Reason.textOf)
    const peers = /^\S+Z \w+ +(?!\s|discovery: |registry: ).*(failed|lost|refused|conflict|stale|Closed|self)/
    for (const { line, where } of matching(peers)) {
      assert.isTrue(texts.some((text) => line.includes(text)), `${where}: ${line}`)
    }
  })

  it("has events of the shape that the schema describes", () => {
    const any = Schema.Union(EventLine.EventLine, RegistryEvent.EventLine)
    const decode = Schema.decodeUnknownSync(any, { onExcessProperty: "error" })
    for (const { line } of matching(/^\{"v":1,/)) decode(JSON.parse(line))
  })

  it("has beacons and lists of peers as they are understood", () => {
    for (const { line } of matching(/^\{"node_id"/)) {
      assert.isTrue(Either.isRight(Beacon.decode(new TextEncoder().encode(line))), line)
    }
    for (const { line } of matching(/^\{"peers"/)) {
      Schema.decodeUnknownSync(Schema.Struct({ peers: Schema.Array(Entry) }))(JSON.parse(line))
    }
  })
})
