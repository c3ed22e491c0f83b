import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { answer } from "../../src/cli/help.js"
import { names, option, options } from "../../src/cli/options.js"
import * as RegistryEvent from "../../src/cli/registryEvent.js"
import { options as registryOptions } from "../../src/cli/registryOptions.js"
import * as RegistryLine from "../../src/cli/registryParse.js"
import { options as simulateOptions } from "../../src/cli/simulateOptions.js"
import * as SimulateLine from "../../src/cli/simulateParse.js"
import { namesOf, type Table } from "../../src/cli/table.js"
import * as Counters from "../../src/domain/Counters.js"
import * as Limits from "../../src/domain/Limits.js"
import { NodeEvent } from "../../src/domain/NodeEvent.js"
import { PeerState } from "../../src/domain/PeerState.js"
import * as Reason from "../../src/domain/Reason.js"
import * as RegistryLimits from "../../src/domain/RegistryLimits.js"
import * as Vix from "../../src/index.js"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"
import * as Fault from "../../src/simulation/Fault.js"
import * as Laws from "../../src/simulation/Laws.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { minimal, tryParse, words } from "../cli/standIns.js"
import { rows } from "./documents.js"

const first = (table: ReadonlyArray<ReadonlyArray<string>>) => table.map(([name]) => name)

interface Command {
  readonly document: string
  /** What stands above the options. */
  readonly head: string
  readonly options: Table
  /** What a line needs beside the option that is looked at. */
  readonly needed: ReadonlyArray<string>
  readonly parse: (argv: ReadonlyArray<string>) => Either.Either<unknown, unknown>
}

const commands: Readonly<Record<string, Command>> = {
  p2p: { document: "docs/guide.md", head: "option", options, needed: words(minimal), parse: tryParse },
  registry: {
    document: "docs/registry.md",
    head: "option",
    options: registryOptions,
    needed: [],
    parse: (argv) => Effect.runSync(Effect.either(RegistryLine.parse(argv)))
  },
  simulate: {
    document: "docs/guide.md",
    head: "option of `vix simulate`",
    options: simulateOptions,
    needed: words("--bootstrap on"),
    parse: (argv) => Effect.runSync(Effect.either(SimulateLine.parse(argv)))
  }
}

describe.each(Object.entries(commands))("options of vix %s in the documents", (_, command) => {
  const { document, head, needed, options, parse } = command
  const table = rows(document, head, "value", "default")

  it("are those of the command, with their values and defaults", () =>
    assert.deepStrictEqual(
      table.map(([flag, value, fallback]) => [flag, value, fallback]).sort(),
      namesOf(options).map((name) => {
        const { default: fallback = "", value = "" } = options[name] ?? {}
        return [`--${name}`, value, fallback]
      }).sort()
    ))

  it("have the ranges that are accepted", () => {
    for (const [flag = "", , , text = ""] of table) {
      const [, low, high] = /^([\d.]+) to (\d+)\b(?! bytes)/.exec(text) ?? []
      if (low === undefined || high === undefined) continue
      const accepts = (value: number) => {
        const given = needed.flatMap((word, at, all) => word === flag || all[at - 1] === flag ? [] : [word])
        return Either.isRight(parse([...given, `${flag}=${value}`]))
      }
      assert.deepStrictEqual(
        [Number(low) - 1, Number(low) - 0.001, Number(low), Number(high), Number(high) + 1].map(accepts),
        [false, false, true, true, false],
        flag
      )
    }
  })
})

describe("options in the documents", () => {
  it("are shown in the README as they are", () => {
    for (const [cell = ""] of rows("README.md", "option", "meaning")) {
      const [, name, value] = /^--(\S+)(?: <(.*)>)?$/.exec(cell) ?? []
      const found = names.find((known) => known === name)
      assert.isDefined(found, cell)
      if (found !== undefined) assert.strictEqual(value, option(found).value)
    }
  })
})

it.each([["p2p", "docs/operations.md"], ["registry", "docs/registry.md"]])(
  "the exit codes of vix %s are those that the help names",
  (command, document) => {
    const help = answer([command, "--help"], "0")?.text ?? ""
    const [, line = ""] = /^Exit codes: (.*)$/m.exec(help) ?? []
    assert.deepStrictEqual(first(rows(document, "code", "meaning")), line.match(/\d+/g))
  }
)

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
  const unitOf = (name: string) =>
    [["Millis", " ms"], ["Seconds", " s"], ["Bytes", " bytes"]].find(([end = ""]) => name.endsWith(end))?.[1]
  const shown = (limits: object) =>
    new Map(
      Object.entries(limits).map(([name, value]) =>
        [name, `${Number(value).toLocaleString("en-US")}${unitOf(name) ?? ""}`] as const
      )
    )
  const defaults = shown(Limits.defaults)
  const documented = (document: string) =>
    new Map(rows(document, "limit", "default").map(([name = "", value = ""]) => [name, value]))

  it("are all that there are, with their defaults", () => {
    assert.deepStrictEqual(documented("docs/embedding.md"), defaults)
    assert.deepStrictEqual(documented("docs/registry.md"), shown(RegistryLimits.defaults))
  })

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

  it("of events and counters of a registry", () => {
    assert.deepStrictEqual(
      first(rows("docs/registry.md", "event")),
      RegistryEvent.RegistryEvent.members.map((member) => member.fields.ev.literals[0])
    )
    assert.deepStrictEqual(first(rows("docs/registry.md", "counter")), Object.keys(RegistryEvent.zero))
  })

  it.each([
    ["setting", ["id", ...Object.keys(NodeConfig.defaults)]],
    ["DiscoveryConfig", Object.keys(DiscoveryConfig.defaults)],
    ["BootstrapConfig", ["url", ...Object.keys(BootstrapConfig.defaults)]]
  ])(
    "of settings: %s",
    (head, settings) => assert.deepStrictEqual(first(rows("docs/embedding.md", head, "default")), settings)
  )

  it("of services and layers", () => {
    const exported = new Set(Object.keys(Vix))
    for (const [service = "", layers = ""] of rows("docs/embedding.md", "service", "layer")) {
      for (const name of [service, ...layers.matchAll(/[A-Z]\w+/g)].flat()) {
        assert.isTrue(exported.has(name), name)
      }
    }
  })
})

describe("the simulation in the documents", () => {
  it("has all faults, and what they do", () =>
    assert.deepStrictEqual(rows("docs/simulation.md", "fault", "what happens"), Object.entries(Fault.kinds)))

  it("has all laws, and what they say", () =>
    assert.deepStrictEqual(rows("docs/simulation.md", "law", "what it says"), Object.entries(Laws.laws)))

  it("has all settings that a test takes over, with their defaults", () => {
    const documented = new Map(
      rows("docs/simulation.md", "option", "default").map(([name, value]) => [name, value])
    )
    const own = ["seed", "forMillis", "calmMillis", "kinds"]
    for (const [name, value] of Object.entries(Simulation.defaults)) {
      if (own.includes(name)) continue
      assert.isTrue(documented.has(name), name)
      const shown = documented.get(name)
      const differs = name === "chatter" || name === "variety"
      if (!differs && ["number", "boolean", "string"].includes(typeof value)) {
        assert.strictEqual(shown, JSON.stringify(value), name)
      }
    }
  })
})
