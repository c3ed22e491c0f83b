import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { answer } from "../../src/cli/help.js"
import { names } from "../../src/cli/options.js"
import { options as registryOptions } from "../../src/cli/registryOptions.js"
import { options as simulateOptions } from "../../src/cli/simulateOptions.js"
import * as Fault from "../../src/simulation/Fault.js"

const help = readFileSync(new URL("help.txt", import.meta.url), "utf8")

describe("help", () => {
  it("is what it was", () => assert.strictEqual(answer(["p2p", "--help"], "1.2.3")?.text, help))

  it("names every option, in lines for a terminal of 120 columns", () => {
    for (const name of names) assert.match(help, new RegExp(`^  --${name}( |$)`, "m"))
    for (const line of help.split("\n")) assert.isAtMost(line.length, 120)
  })

  it.each([["registry", registryOptions], ["simulate", simulateOptions]])(
    "of %s is what it was, and names every option",
    (command, options) => {
      const page = readFileSync(new URL(`${command}Help.txt`, import.meta.url), "utf8")
      assert.strictEqual(answer([command, "--help"], "1.2.3")?.text, page)
      for (const name of Object.keys(options)) assert.match(page, new RegExp(`^  --${name}( |$)`, "m"))
      for (const line of page.split("\n")) assert.isAtMost(line.length, 120)
    }
  )

  it("of a simulation explains every kind of fault", () => {
    const page = answer(["simulate", "--help"], "1.2.3")?.text ?? ""
    for (const [kind, text] of Object.entries(Fault.kinds)) {
      assert.match(page, new RegExp(`^  ${kind} +${text}$`, "m"))
    }
  })

  it("comes wherever it is asked for", () => {
    for (
      const argv of [["p2p", "-h"], ["p2p", "--id", "A", "--help"], ["p2p", "--bogus", "-h", "--listen"]]
    ) {
      assert.deepStrictEqual(answer(argv, "1.2.3"), { stream: "stdout", text: help, exitCode: 0 })
    }
  })

  it("is a command, too", () => {
    assert.strictEqual(answer(["help", "p2p"], "1.2.3")?.text, help)
    assert.deepStrictEqual(answer(["help"], "1.2.3"), answer([], "1.2.3"))
    assert.deepStrictEqual(answer(["help", "bogus"], "1.2.3"), answer(["bogus", "--help"], "1.2.3"))
  })

  it("comes for no command at all", () => {
    const overview = answer([], "1.2.3")
    assert.strictEqual(overview?.exitCode, 0)
    assert.match(overview?.text ?? "", /vix p2p --help/)
    assert.deepStrictEqual(answer(["--help"], "1.2.3"), overview)
  })

  it("is not needed for a command that exists", () => {
    assert.isUndefined(answer(["p2p"], "1.2.3"))
    assert.isUndefined(answer(["p2p", "--id=-h", "--listen", "1"], "1.2.3"))
    assert.isUndefined(answer(["registry"], "1.2.3"))
    assert.isUndefined(answer(["simulate"], "1.2.3"))
    assert.isUndefined(answer(["schema"], "1.2.3"))
    assert.isUndefined(answer(["schema", "registry"], "1.2.3"))
  })
})

it("the version is told anywhere on the line", () => {
  for (const argv of [["--version"], ["p2p", "--id", "A", "--version"]]) {
    assert.deepStrictEqual(answer(argv, "1.2.3"), { stream: "stdout", text: "vix 1.2.3\n", exitCode: 0 })
  }
})

it.each([
  [["p2"], /"p2": unknown command; did you mean vix p2p\?/],
  [["shema"], /did you mean vix schema\?/],
  [["P2P"], /did you mean vix p2p\?/],
  [["version"], /^vix "version": unknown command; did you mean vix --version\?\n/],
  [["-help"], /^vix "-help": unknown option; did you mean vix --help\?\n/],
  [["bogus"], /^vix "bogus": unknown command\nSee vix --help\n$/],
  [["ping", "A"], /^vix "ping": not in this version\n/],
  [["doctor"], /^vix "doctor": not in this version\n/],
  [["--id", "A"], /^vix "--id": expected a command first: p2p, registry, simulate, schema\n/],
  [["-V"], /^vix "-V": expected a command first: p2p, registry, simulate, schema\n/],
  [["--registry=http://user:secret@a"], /^vix "--registry=http:\/\/…@a": expected a command first/],
  [["\u001b[31m"], /^vix "\\u\{1b\}\[31m"/],
  [["x\u202e\u009b31m"], /^vix "x\\u\{202e\}\\u\{9b\}31m": unknown command\n/],
  [["x".repeat(1_000)], /^vix "x{256}…": unknown command\n/],
  [["regsitry"], /did you mean vix registry\?/],
  [["simulation"], /did you mean vix simulate\?/],
  [["schema", "all"], /^vix schema "all": expected registry or nothing\n/]
])("%j is refused", (argv, message) => {
  const refusal = answer(argv, "1.2.3")
  assert.strictEqual(refusal?.exitCode, 1)
  assert.strictEqual(refusal?.stream, "stderr")
  assert.match(refusal?.text ?? "", message)
})
