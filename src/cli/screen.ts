/** One line of a terminal that is rewritten in place. */
import { cells, cut } from "./cells.js"
import type { Terminal } from "./terminal.js"

export interface Screen {
  /** Shows a line, in place of the one before. */
  readonly draw: (line: string) => void
  /** Takes the line away while something is printed above it. */
  readonly above: (print: () => void) => void
  /** Takes the line away for good and gives the cursor back. */
  readonly end: () => void
}

/** A screen on stdout. Without escape codes it makes do with a carriage return and blanks. */
export const make = (
  { ansi, onLeave, stdout: out }: Pick<Terminal, "ansi" | "onLeave" | "stdout">
): Screen => {
  let line: string | undefined
  let callOff: (() => void) | undefined
  let drawn = 0
  const erase = (): string => {
    const width = out.columns()
    if (!ansi) return `\r${" ".repeat(Math.min(drawn, width - 1))}\r`
    // A terminal that became narrower has broken the line; its cursor stands in the last of the rows.
    const rows = Math.floor(drawn / width)
    return `\r${rows > 0 ? `\u001b[${rows}A` : ""}\u001b[J`
  }
  const redraw = () => {
    if (line === undefined) return
    // Room for the ^C that a terminal echoes: a line that breaks could not be taken away whole.
    const shown = cut(line, Math.max(0, out.columns() - 2))
    const before = erase()
    drawn = cells(shown)
    out.write(before + shown)
  }
  const again = () => {
    // The shell has written below the old line.
    drawn = 0
    out.write(hideCursor)
    redraw()
  }
  const stopListening = out.onResize(redraw)
  return {
    draw: (text) => {
      if (line === undefined && ansi) {
        out.write(hideCursor)
        callOff = onLeave(() => out.write(`\r\n${showCursor}`), again)
      }
      line = text
      redraw()
    },
    above: (print) => {
      if (line !== undefined) out.write(erase())
      drawn = 0
      print()
      redraw()
    },
    end: () => {
      stopListening()
      callOff?.()
      if (line !== undefined) out.write(erase() + (ansi ? showCursor : ""))
      line = undefined
      drawn = 0
    }
  }
}

const hideCursor = "\u001b[?25l"
const showCursor = "\u001b[?25h"
