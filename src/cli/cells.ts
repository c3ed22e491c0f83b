/** Text as wide as it looks in a terminal. */

/** Cells of a terminal that a text takes. */
export const cells = (text: string): number => {
  if (ascii.test(text)) return text.length
  let sum = 0
  for (const { segment } of graphemes(text)) sum += cellsOf(segment)
  return sum
}

/** The longest beginning of a text that fits into so many cells. */
export const cut = (text: string, width: number): string => {
  if (ascii.test(text)) return text.slice(0, width)
  let room = width
  let end = 0
  for (const { index, segment } of graphemes(text)) {
    room -= cellsOf(segment)
    if (room < 0) break
    end = index + segment.length
  }
  return text.slice(0, end)
}

const cellsOf = (grapheme: string): number =>
  nothing.test(grapheme) ? 0 : picture.test(grapheme) || wide.test(grapheme) ? 2 : 1

// Made when first used: it takes milliseconds, and most lines are ASCII.
let segmenter: Intl.Segmenter | undefined
const graphemes = (text: string) =>
  (segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" })).segment(text)
const ascii = /^[\x20-\x7e]*$/
const nothing = /^[\p{Cc}\p{Cf}\p{Mn}\p{Me}\p{Zl}\p{Zp}]+$/u
const picture = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\u{FE0F}|\u{20E3}/u
// East Asian Wide and Fullwidth, in the blocks that terminals agree on.
const wide =
  /[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97F}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE10}-\u{FE19}\u{FE30}-\u{FE6F}\u{FF01}-\u{FF60}\u{FFE0}-\u{FFE6}\u{17000}-\u{18CFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}]/u
