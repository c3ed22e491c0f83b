import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as EventLine from "../../src/cli/eventLine.js"
import * as Counters from "../../src/domain/Counters.js"
import * as Reason from "../../src/domain/Reason.js"
import { tryParse } from "../cli/standIns.js"
import { blocksIn } from "./documents.js"

/** What follows `vix p2p` on a line of a shell, as words. */
const wordsOf = (line: string): ReadonlyArray<string> | undefined => {
  const [, rest] = /\bvix p2p\b(.*)$/.exec(line) ?? []
  return rest
    ?.replaceAll(/\$\([^)]*\)/g, "9001")
    .replace(/ (\d?>|\||&|# ).*$/, "")
    .replaceAll("\"", "")
    .split(/\s+/)
    .filter((word) => word !== "")
}

describe("command lines in the documents", () => {
  for (const { text, where } of blocksIn("sh")) {
    it(`parse: ${where}`, () => {
      for (const line of text.replaceAll("\\\n", " ").split("\n")) {
        const words = wordsOf(line)
        if (words !== undefined) Either.getOrThrow(tryParse(words))
      }
    })
  }

  for (const { text, where } of blocksIn("console")) {
    it(`print what is shown: ${where}`, () => {
      const [command = "", ...shown] = text.split("\n")
      assert.match(command, /^\$ vix p2p/)
      Either.match(tryParse(wordsOf(command) ?? []), {
        onLeft: ({ problems }) =>
          assert.deepStrictEqual(shown, [
            ...problems.map((problem) => `vix p2p: ${problem}`),
            "See vix p2p --help"
          ]),
        onRight: () => {
          for (const line of shown) assert.match(line, /^(vix p2p: |peers_total=|\d{4}-\d\d-\d\dT[\d:.]+Z )/)
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
    for (const { line, where } of matching(/^\S+Z .*(failed|lost|refused|conflict|stale|Closed|self)/)) {
      assert.isTrue(texts.some((text) => line.includes(text)), `${where}: ${line}`)
    }
  })

  it("has events of the shape that the schema describes", () => {
    const decode = Schema.decodeUnknownSync(EventLine.EventLine, { onExcessProperty: "error" })
    for (const { line } of matching(/^\{"v":1,/)) decode(JSON.parse(line))
  })
})
