/**
 * Short memory from the pool of Node, which costs a fraction of memory of its own.
 *
 * @since 0.1.0
 */

/**
 * So many bytes, to be written over whole: what was there before shows. A plain array, for the `slice` of a Buffer does
 * not copy, and who gets it may count on that.
 *
 * @since 0.1.0
 */
export const take = (size: number): Uint8Array => {
  const { buffer, byteOffset } = Buffer.allocUnsafe(size)
  return new Uint8Array(buffer, byteOffset, size)
}
