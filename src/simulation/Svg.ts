/**
 * Pieces of a picture.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export const rect = (kind: string, x: number, y: number, wide: number, high: number): string =>
  `<rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, wide))}" height="${
    round(high)
  }"/>`

/** @since 0.1.0 */
export const text = (
  kind: string,
  x: number,
  y: number,
  words: string,
  anchor: "start" | "middle" | "end"
): string =>
  `<text${kind === "" ? "" : ` class="${kind}"`} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${
    escape(words)
  }</text>`

/** A line that goes along and then up or down. @since 0.1.0 */
export class Line {
  path: string

  constructor(x: number, y: number) {
    this.path = `M${round(x)} ${round(y)}`
  }

  step(x: number, y: number): void {
    this.path += `H${round(x)}V${round(y)}`
  }
}

/** To a tenth of a pixel. @since 0.1.0 */
export const round = (value: number): number => Math.round(value * 10) / 10

/** Text that means nothing else in XML. @since 0.1.0 */
export const escape = (words: string): string =>
  words.replaceAll(/[\p{Cc}\p{Cs}]/gu, " ").replaceAll(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`)
