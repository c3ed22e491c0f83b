/**
 * A question after the word that was meant: the one that takes the fewest changed, added and left out letters, in
 * any case. If these are more than a third of all, nothing is asked.
 */
export const didYouMean = (word: string, known: ReadonlyArray<string>, before = ""): string => {
  const ranked = known.map((candidate) => [distance(word.toLowerCase(), candidate), candidate] as const)
  const [away, best] = ranked.reduce((best, next) => (next[0] < best[0] ? next : best))
  return away > Math.max(word.length, best.length) / 3 ? "" : `; did you mean ${before}${best}?`
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
