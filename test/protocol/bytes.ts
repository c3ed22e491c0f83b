/** Bytes in tests: gluing, cutting and writing them down. */

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The stream in pieces, cut at the offsets given; empty pieces included. */
export const chunked = (stream: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const ends = [...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length]
  return ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end))
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))

/** A copy with one bit turned. */
export const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ 1 << (bit & 7)
  return copy
}

/** Gives a function bytes that are somebody else's again once it has returned. */
export const lent = <A>(bytes: Uint8Array, take: (bytes: Uint8Array) => A): A => {
  const copy = Uint8Array.from(bytes)
  const result = take(copy)
  copy.fill(0xdd)
  return result
}
