/**
 * Unsigned LEB128 of at most three bytes, minimal: the only form of a length in version 2.
 *
 * @since 0.1.0
 */

/** What {@link read} gives while the bytes at hand are a correct beginning and no more. @since 0.1.0 */
export const more = -1

/** What {@link read} gives as soon as no further byte could make the number right. @since 0.1.0 */
export const wrong = -2

/** The greatest number that three bytes hold. @since 0.1.0 */
export const max = 0x1f_ffff

/** Bytes that a number takes, 1 to 3. @since 0.1.0 */
export const size = (value: number): number => value < 0x80 ? 1 : value < 0x4000 ? 2 : 3

/**
 * Writes a number from 0 to {@link max} and returns the offset behind it.
 *
 * @since 0.1.0
 */
export const write = (target: Uint8Array, at: number, value: number): number => {
  let rest = value
  while (rest >= 0x80) {
    target[at++] = rest & 0x7f | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/**
 * Reads the number at `at` from what lies before `end`: the number, {@link more} or {@link wrong}. As only the
 * minimal form is right, {@link size} of the number tells where it ended.
 *
 * @since 0.1.0
 */
export const read = (source: Uint8Array, at: number, end: number): number => {
  let value = 0
  for (let index = 0; index < 3; index++) {
    if (at + index >= end) return more
    const byte = source[at + index] ?? 0
    value |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) return byte === 0 && index > 0 ? wrong : value
  }
  return wrong
}
