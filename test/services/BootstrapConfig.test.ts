import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as BootstrapConfig from "../../src/services/BootstrapConfig.js"

const url = new URL("https://registry.example/vix")

describe("the settings of a registry's visitor", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<BootstrapConfig.Settings>]> = [
    ["url ftp://a.example:1: expected http or https", { url: new URL("ftp://user:secret@a.example:1/b?c") }],
    ["intervalMillis 0: expected a whole number from 1 to 2147483647", { intervalMillis: 0 }],
    ["intervalMillis -1: expected a whole number from 1 to 2147483647", { intervalMillis: -1 }],
    ["limit 0: expected a whole number from 1 to 9007199254740991", { limit: 0 }],
    ["advertise 65536: expected a whole number from 1 to 65535", { advertise: Option.some(65_536) }]
  ]
  it.each(wrong)("are refused: %s", (text, settings) => {
    assert.throws(() => BootstrapConfig.make({ url, ...settings }), RangeError, `BootstrapConfig.${text}`)
    assert.throws(() => BootstrapConfig.layer({ url, ...settings }), RangeError)
  })
})
