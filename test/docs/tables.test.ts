import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { answer } from "../../src/cli/help.js"
import { names, option } from "../../src/cli/options.js"
import * as Counters from "../../src/domain/Counters.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeEvent } from "../../src/domain/NodeEvent.js"
import { PeerState } from "../../src/domain/PeerState.js"
import * as Reason from "../../src/domain/Reason.js"
import * as Vix from "../../src/index.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import { minimal, tryParse, words } from "../cli/standIns.js"
import { rows } from "./documents.js"

const first = (table: ReadonlyArray<ReadonlyArray<string>>) => table.map(([name]) => name)

describe("options in the documents", () => {
  const table = rows("docs/guide.md", "option", "value", "default")

  it("are those of the command, with their values and defaults", () =>
    assert.deepStrictEqual(
      table.map(([flag, value, fallback]) => [flag, value, fallback]).sort(),
      names.map((name) => [`--${name}`, option(name).value ?? "", option(name).default ?? ""]).sort()
    ))

  it("have the ranges that are accepted", () => {
    for (const [flag = "", , , text = ""] of table) {
      const [, low, high] = /^(\d+) to (\d+)\b(?! bytes)/.exec(text) ?? []
      if (low === undefined || high === undefined) continue
      const accepts = (value: number) => {
        const given = words(minimal).flatMap((word, at, all) =>
          word === flag || all[at - 1] === flag ? [] : [word]
        )
        return Either.isRight(tryParse([...given, `${flag}=${value}`]))
      }
      assert.deepStrictEqual(
        [Number(low) - 1, Number(low), Number(high), Number(high) + 1].map(accepts),
        [false, true, true, false],
        flag
      )
    }
  })

  it("are shown in the README as they are", () => {
    for (const [cell = ""] of rows("README.md", "option", "meaning")) {
      const [, name, value] = /^--(\S+)(?: <(.*)>)?$/.exec(cell) ?? []
      const found = names.find((known) => known === name)
      assert.isDefined(found, cell)
      if (found !== undefined) assert.strictEqual(value, option(found).value)
    }
  })
})

it("the exit codes are those that the help names", () => {
  const help = answer(["p2p", "--help"], "0")?.text ?? ""
  const [, line = ""] = /^Exit codes: (.*)$/m.exec(help) ?? []
  assert.deepStrictEqual(first(rows("docs/operations.md", "code", "meaning")), line.match(/\d+/g))
})

describe("reasons in the documents", () => {
  it("are those of the table of reasons", () =>
    assert.deepStrictEqual(
      rows("docs/operations.md", "reason", "class", "code", "text"),
      Reason.all.map((reason) => {
        const { class: kind, code, text }: Reason.Entry = Reason.table[reason]
        return [reason, kind, code === undefined ? "" : `${code}`, text]
      })
    ))

  it("have the Close codes of the protocol", () => {
    const codes = Reason.all.flatMap((reason) => {
      const { code }: Reason.Entry = Reason.table[reason]
      return code === undefined ? [] : [{ code, reason }]
    })
    assert.deepStrictEqual(
      rows("docs/protocol.md", "code", "reason"),
      codes.sort((a, b) => a.code - b.code).map(({ code, reason }) => [`${code}`, reason])
    )
  })
})

describe("limits in the documents", () => {
  const defaults = new Map(
    Object.entries(Limits.defaults).map(([name, value]) => {
      const unit = name.endsWith("Millis") ? " ms" : name.endsWith("Bytes") ? " bytes" : ""
      return [name, `${value.toLocaleString("en-US")}${unit}`]
    })
  )

  it("are all that there are, with their defaults", () =>
    assert.deepStrictEqual(
      new Map(rows("docs/embedding.md", "limit", "default").map(([name = "", value = ""]) => [name, value])),
      defaults
    ))

  it("of the protocol have their defaults", () => {
    for (const [name = "", value] of rows("docs/protocol.md", "limit", "default")) {
      assert.strictEqual(value, defaults.get(name), name)
    }
  })
})

describe("names in the documents", () => {
  it("of counters", () =>
    assert.deepStrictEqual(first(rows("docs/guide.md", "counter")), [...Counters.names]))

  it("of states", () =>
    assert.deepStrictEqual(first(rows("docs/guide.md", "state")), [...PeerState.literals]))

  it("of events", () =>
    assert.deepStrictEqual(
      first(rows("docs/guide.md", "event")).sort(),
      NodeEvent.members.map((member) => member.fields.ev.literals[0]).sort()
    ))

  it("of settings", () =>
    assert.deepStrictEqual(
      first(rows("docs/embedding.md", "setting", "default")),
      ["id", ...Object.keys(NodeConfig.defaults)]
    ))

  it("of services and layers", () => {
    const exported = new Set(Object.keys(Vix))
    for (const [service = "", layers = ""] of rows("docs/embedding.md", "service", "layer")) {
      for (const name of [service, ...layers.matchAll(/[A-Z]\w+/g)].flat()) {
        assert.isTrue(exported.has(name), name)
      }
    }
  })
})
