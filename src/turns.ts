/** Runs `work` when all earlier work of the same key has settled, well or badly; other keys go on beside it. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
    last.set(key, mine)
    const settle = () => {
      if (last.get(key) === mine) last.delete(key)
    }
    mine.then(settle, settle)
    return mine
  }
}
