/**
 * The label a node is given with `--id`: what people call it. It proves nothing; a {@link PeerId} does.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** Bytes of UTF-8 in the longest node id. @since 0.1.0 */
export const maxBytes = 64

const plain = /^[\x21-\x7e]{1,64}$/
const forbidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/**
 * Says what is wrong with a text as a node id, or nothing.
 *
 * @since 0.1.0
 */
export const problem = (text: string): string | undefined => {
  // What nearly all are.
  if (plain.test(text)) return undefined
  if (!text.isWellFormed()) return "expected valid Unicode"
  const bytes = new TextEncoder().encode(text).length
  if (bytes < 1 || bytes > maxBytes) return `expected 1 to ${maxBytes} bytes of UTF-8`
  if (forbidden.test(text)) {
    return "expected no control or format characters, such as those that join emoji, and no line separators"
  }
  if (text.trim() !== text) return "expected no white space at the ends"
  return undefined
}

/**
 * 1 to 64 bytes of UTF-8 without control or format characters, line separators or white space at the ends.
 *
 * @since 0.1.0
 */
export const NodeId = Schema.String.pipe(
  Schema.filter((text) => problem(text) ?? true),
  Schema.brand("vix/NodeId")
)

/** @since 0.1.0 */
export type NodeId = typeof NodeId.Type

/** Parses a node id; the left side says what was expected. @since 0.1.0 */
export const parse = (text: string): Either.Either<NodeId, string> => {
  const wrong = problem(text)
  return wrong === undefined ? Either.right(text as NodeId) : Either.left(wrong)
}
