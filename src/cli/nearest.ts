/** What a person may have meant: the candidate with the fewest changes, when they are few. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { candidate: string; changes: number } | undefined
  for (const candidate of candidates) {
    const changes = distance(word, candidate)
    if (changes <= Math.max(1, Math.floor(word.length / 3)) && changes < (best?.changes ?? Infinity))
      best = { candidate, changes }
  }
  return best?.candidate
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)]
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity
  for (let i = 1; i <= from.length; i++) {
    rows[i] = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const changes = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      rows[i]?.push(swapped ? Math.min(changes, at(i - 2, j - 2) + 1) : changes)
    }
  }
  return at(from.length, to.length)
}
