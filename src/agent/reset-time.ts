const UNITS: readonly [RegExp, ms: number][] = [
  [/^ms|^milli/, 1],
  [/^s/, 1_000],
  [/^m/, 60_000],
  [/^h/, 3_600_000],
  [/^d/, 86_400_000],
]

/** How long words ask to wait, in ms: `try again in 2 hours 5 minutes`, `in ~120 min`, `in 1m30.5s`. */
export function waitIn(words: string): number | undefined {
  const wait = /\bin ~?((?:\d+(?:\.\d+)?\s?[a-z]+[\s,]*(?:and\s+)?)+)/i.exec(words.slice(0, 2_000))?.[1]
  const parts = [...(wait ?? '').toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s?([a-z]+)/g)]
  const known = parts.flatMap(([, count, word = '']) => {
    const unit = UNITS.find(([pattern]) => pattern.test(word))
    return unit ? [Number(count) * unit[1]] : []
  })
  return known.length > 0 ? Math.ceil(known.reduce((sum, it) => sum + it, 0)) : undefined
}
