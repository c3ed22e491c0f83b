import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import type { Invocation } from "../../src/cli/parse.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { parsed, problems, words } from "./standIns.js"

interface Expected {
  readonly node?: Partial<Invocation["node"]>
  readonly discovery?: Partial<Invocation["discovery"]>
  readonly bootstrap?: Partial<Invocation["bootstrap"]>
  readonly rest?: Partial<Invocation>
}

const toA = { connect: [Endpoint.make("127.0.0.1", 9001)] }
const registry = { enabled: true, registry: Option.some("http://127.0.0.1:8080") }
const level = (level: "trace" | "debug" | "info" | "off") => ({ logLevel: Option.some(level) })
const tui = (on: boolean) => ({ tui: Option.some(on) })

// Every example of the manual; what it says beside --id and --listen, and nothing but that, differs from the defaults.
const examples: ReadonlyArray<readonly [string, Expected]> = [
  ["--id A --listen 9001", {}],
  ["--id A --listen 9002", {}],
  ["--id A --listen 9003", {}],
  ["--id B --listen 9001", {}],
  ["--id B --listen 9002", {}],
  ["--id B --listen 9002 --connect 127.0.0.1:9001", { node: toA }],
  ["--id B --listen 9002 --connect tcp://127.0.0.1:9001", { node: toA }],
  [
    `--id B
      --listen 9002
      --connect 127.0.0.1:9001
      --connect-delay 1000`,
    { node: { ...toA, connectDelayMillis: 1_000 } }
  ],
  ["--id B --listen 9002 --connect 127.0.0.1:9001 --no-connect", { node: { ...toA, dialling: false } }],
  ["--id A --listen 9001 --run 10", { rest: { runMillis: 10_000 } }],
  ["--id A --listen 9001 --run 10 --quiet", { rest: { runMillis: 10_000, quiet: true } }],
  ["--id A --listen 9001 --stats-every 500", { rest: { statsMillis: 500 } }],
  ["--id A --listen 9001 --tui on", { rest: tui(true) }],
  ["--id A --listen 9001 --tui off", { rest: tui(false) }],
  ["--id A --listen 9001 --discovery on", {}],
  ["--id A --listen 9001 --discovery off", { discovery: { enabled: false } }],
  ["--id A --listen 9001 --disc-port 37020", {}],
  ["--id A --listen 9001 --disc-mode broadcast", {}],
  ["--id A --listen 9001 --disc-mode multicast", { discovery: { mode: "multicast" } }],
  ["--id A --listen 9001 --disc-interval 2000", {}],
  [
    `--id A
      --listen 9001
      --discovery on
      --disc-port 37020`,
    {}
  ],
  [
    `--id B
      --listen 9002
      --discovery on
      --disc-port 37020`,
    {}
  ],
  ["--id A --listen 9001 --discovery on --disc-port 37020", {}],
  ["--id B --listen 9002 --discovery on --disc-port 37020", {}],
  ["--id B --listen 9002 --discovery on --disc-port 37021", { discovery: { port: 37_021 } }],
  [
    `--id A
      --listen 9001
      --bootstrap on
      --registry http://127.0.0.1:8080`,
    { bootstrap: registry }
  ],
  [
    `--id A
      --listen 9001
      --bootstrap on
      --registry http://127.0.0.1:8080
      --boot-interval 15`,
    { bootstrap: registry }
  ],
  [
    `--id A
      --listen 9001
      --bootstrap on
      --registry http://127.0.0.1:8080
      --announce on`,
    { bootstrap: registry }
  ],
  [
    `--id A
      --listen 9001
      --bootstrap on
      --registry http://127.0.0.1:8080
      --announce off`,
    { bootstrap: { ...registry, announce: false } }
  ],
  [
    `--id A
      --listen 9001
      --bootstrap on
      --registry http://127.0.0.1:8080
      --boot-interval 15
      --announce on`,
    { bootstrap: registry }
  ],
  ["--id A --listen 9001 --log-level trace", { rest: level("trace") }],
  ["--id A --listen 9001 --log-level debug", { rest: level("debug") }],
  ["--id A --listen 9001 --log-level info", { rest: level("info") }],
  ["--id A --listen 9001 --log-level off", { rest: level("off") }],
  ["--id A --listen 9001 --log-level debug --tui off", { rest: { ...level("debug"), ...tui(false) } }],
  [
    `--id B
      --listen 9002
      --connect 127.0.0.1:9001
      --log-level debug
      --tui off`,
    { node: toA, rest: { ...level("debug"), ...tui(false) } }
  ]
]

describe("the manual", () => {
  it.each(examples)("vix p2p %s", (line, { bootstrap, discovery, node, rest }) => {
    const defaults = parsed(words(line).slice(0, 4).join(" "))
    const settings = parsed(line)
    const expected = {
      ...defaults,
      ...rest,
      node: { ...defaults.node, ...node },
      discovery: { ...defaults.discovery, ...discovery },
      bootstrap: { ...defaults.bootstrap, ...bootstrap }
    }
    assert.deepStrictEqual(settings, expected)
    assert.strictEqual(settings.node.id, words(line)[1])
    assert.strictEqual(String(settings.node.port), words(line)[3])
  })

  it("vix p2p, without required options", () =>
    assert.deepStrictEqual(problems(), ["missing required options: --id and/or --listen"]))

  it("vix p2p --id A --listen 9001 --bootstrap on, without a registry URL", () =>
    assert.lengthOf(problems(...words("--id A --listen 9001 --bootstrap on")), 1))
})
