import { assert, describe, it } from "@effect/vitest"
import * as Screen from "../../src/cli/screen.js"
import { terminal } from "./standIns.js"

/** What a terminal shows after some output: just enough of one to follow a screen, without line breaks of its own. */
const show = (output: string): ReadonlyArray<string> => {
  const rows = [""]
  let column = 0
  for (const [token] of output.matchAll(/\u001b\[[?0-9]*[a-zA-Z]|[\s\S]/gu)) {
    if (token === "\r") column = 0
    else if (token === "\n") {
      rows.push("")
      column = 0
    } else if (token === "\u001b[J") rows.push((rows.pop() ?? "").slice(0, column))
    else if (!token.startsWith("\u001b")) {
      const row = rows.pop() ?? ""
      rows.push(row.slice(0, column) + token + row.slice(column + 1))
      column++
    }
  }
  return rows.map((row) => row.trimEnd())
}

const make = (options: Parameters<typeof terminal>[0]) => {
  const { state, terminal: given } = terminal({ tty: true, ...options })
  return { state, screen: Screen.make(given) }
}

describe.each([true, false])("a screen, escape codes: %s", (ansi) => {
  it("rewrites one line in place", () => {
    const { screen, state } = make({ ansi })
    screen.draw("a long first line")
    screen.draw("second")
    assert.deepStrictEqual(show(state.stdout), ["second"])
    assert.notInclude(state.stdout, "\n")
  })

  it("leaves room for two cells at its end", () => {
    const { screen, state } = make({ ansi, columns: 20 })
    screen.draw("x".repeat(100))
    assert.deepStrictEqual(show(state.stdout), ["x".repeat(18)])
    screen.draw("漢".repeat(100))
    assert.deepStrictEqual(show(state.stdout), ["漢".repeat(9)])
  })

  it("prints above the line", () => {
    const { screen, state } = make({ ansi })
    screen.draw("the line")
    screen.above(() => {
      state.stdout += "logged\n"
    })
    assert.deepStrictEqual(show(state.stdout), ["logged", "the line"])
  })

  it("is drawn again when the width changes", () => {
    const { screen, state } = make({ ansi, columns: 20 })
    screen.draw("0123456789012345678901234567890123456789")
    state.columns = 30
    state.resized()
    assert.deepStrictEqual(show(state.stdout), ["0123456789012345678901234567"])
  })

  it("takes the line away at the end and is not drawn after it", () => {
    const { screen, state } = make({ ansi })
    screen.draw("the line")
    screen.end()
    state.resized()
    state.restore()
    state.again()
    assert.deepStrictEqual(show(state.stdout), [""])
  })
})

it("the cursor is hidden while there is a line, and comes back at the end and at an exit", () => {
  const { screen, state } = make({})
  assert.strictEqual(state.stdout, "")
  screen.draw("one")
  screen.draw("two")
  assert.lengthOf(state.stdout.match(/\u001b\[\?25l/g) ?? [], 1)
  const before = state.stdout.length
  state.restore()
  assert.include(state.stdout.slice(before), "\u001b[?25h")
  screen.end()
  assert.isTrue(state.stdout.endsWith("\u001b[?25h"))
})

it("the cursor and the line come back below what a shell has written meanwhile", () => {
  const { screen, state } = make({})
  screen.draw("the line")
  state.restore()
  state.stdout += "[1]+  Stopped\n"
  const before = state.stdout.length
  state.again()
  assert.isTrue(state.stdout.slice(before).startsWith("\u001b[?25l"))
  assert.deepStrictEqual(show(state.stdout), ["the line", "[1]+  Stopped", "the line"])
})

it("a line that a narrower terminal has broken is taken away whole", () => {
  const { screen, state } = make({ columns: 100 })
  screen.draw("x".repeat(90))
  state.columns = 40
  const before = state.stdout.length
  state.resized()
  assert.strictEqual(state.stdout.slice(before), `\r\u001b[2A\u001b[J${"x".repeat(38)}`)
})

it("without escape codes there are none", () => {
  const { screen, state } = make({ ansi: false })
  screen.draw("one")
  screen.above(() => {})
  screen.end()
  assert.notInclude(state.stdout, "\u001b")
})
