/** Text that is safe to print. */

const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * A text from anywhere as one harmless piece of a line: control, format and bidi characters escaped, cut to at
 * most `limit` characters.
 */
export const printable = (text: string, limit = 256): string => {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text
  return shown.replace(unsafe, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`)
}

/** The same text of JSON, with every character escaped that a terminal could act on. */
export const harmlessJson = (json: string): string =>
  json.replace(
    unsafe,
    (character) =>
      Array.from(
        { length: character.length },
        (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`
      ).join("")
  )
