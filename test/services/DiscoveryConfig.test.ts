import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"

describe("the settings of discovery", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<DiscoveryConfig.Settings>]> = [
    ["port 0: expected a whole number from 1 to 65535", { port: 0 }],
    ["port 70000: expected a whole number from 1 to 65535", { port: 70_000 }],
    ["intervalMillis 0: expected a whole number from 1 to 2147483647", { intervalMillis: 0 }],
    ["intervalMillis NaN: expected a whole number from 1 to 2147483647", { intervalMillis: Number.NaN }],
    ["intervalMillis 1.5: expected a whole number from 1 to 2147483647", { intervalMillis: 1.5 }],
    ["advertise 0: expected a whole number from 1 to 65535", { advertise: Option.some(0) }]
  ]
  it.each(wrong)("are refused: %s", (text, settings) => {
    assert.throws(() => DiscoveryConfig.make(settings), RangeError, `DiscoveryConfig.${text}`)
    assert.throws(() => DiscoveryConfig.layer(settings), RangeError)
  })
})
