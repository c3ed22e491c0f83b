import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { cells, cut } from "../../src/cli/cells.js"
import { harmlessJson, printable } from "../../src/cli/text.js"

const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

describe("printable", () => {
  it.each([
    ["\u001b[2J", "\\u{1b}[2J"],
    ["two\nlines\r", "two\\u{a}lines\\u{d}"],
    ["\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["\u009b31m", "\\u{9b}31m"],
    ["\u2028", "\\u{2028}"],
    ["\ud800", "\\u{d800}"],
    ["größe 漢字 🙂", "größe 漢字 🙂"]
  ])("%j", (text, expected) => assert.strictEqual(printable(text), expected))

  it("cuts what is too long", () => assert.strictEqual(printable("x".repeat(10_000), 8), `${"x".repeat(8)}…`))

  it("leaves nothing that acts on a terminal, and no text of any length", () =>
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      const safe = printable(text, 100)
      assert.notMatch(safe, harmful)
      assert.isAtMost(safe.length, 100 * "\\u{10ffff}".length + 1)
    })))
})

describe("harmlessJson", () => {
  it("means the same and leaves nothing that acts on a terminal", () =>
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = harmlessJson(JSON.stringify({ text }))
      assert.deepStrictEqual(JSON.parse(json), { text })
      assert.notMatch(json, harmful)
    })))
})

describe("cells", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["größe", 5],
    ["漢字", 4],
    ["한국", 4],
    ["ｆｕｌｌ", 8],
    ["🙂", 2],
    ["👩‍👩‍👧", 2],
    ["🇨🇭", 2],
    ["❤️", 2],
    ["e\u0301", 1],
    ["\u200b", 0]
  ])("%j takes %i", (text, width) => assert.strictEqual(cells(text), width))
})

describe("cut", () => {
  it("keeps characters whole", () => {
    assert.strictEqual(cut("a漢字", 2), "a")
    assert.strictEqual(cut("a漢字", 3), "a漢")
    assert.strictEqual(cut("👩‍👩‍👧x", 2), "👩‍👩‍👧")
    assert.strictEqual(cut("plain", 3), "pla")
    assert.strictEqual(cut("漢", 0), "")
  })

  it("gives the longest beginning that fits", () =>
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, width) => {
      const kept = cut(text, width)
      assert.isTrue(text.startsWith(kept))
      assert.isAtMost(cells(kept), width)
      if (cells(text) <= width) assert.strictEqual(kept, text)
    })))
})
