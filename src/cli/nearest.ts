/** The word of a list that takes the fewest changed, added and left out letters to come from another. */
export const nearest = (word: string, known: ReadonlyArray<string>): string => {
  const ranked = known.map((candidate) => [distance(word, candidate), candidate] as const)
  return ranked.reduce((best, next) => (next[0] < best[0] ? next : best))[1]
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
