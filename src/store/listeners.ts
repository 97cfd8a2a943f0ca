import type { Log } from '../log.ts'

/** Who is told of something: each of them, whatever another one throws. */
export interface Listeners<T> {
  /** Gives what takes it away again. One that is added twice is told twice. */
  add(listener: (value: T) => void): () => void
  tell(value: T): void
  clear(): void
  size(): number
}

/** `failed` is what the log says when one of them throws. */
export function createListeners<T>(log: Pick<Log, 'error'>, failed: string): Listeners<T> {
  const all = new Set<(value: T) => void>()
  return {
    add(listener) {
      const own = (value: T) => listener(value)
      all.add(own)
      return () => void all.delete(own)
    },
    tell(value) {
      for (const listener of [...all]) {
        try {
          listener(value)
        } catch (error) {
          log.error(failed, { error })
        }
      }
    },
    clear: () => all.clear(),
    size: () => all.size,
  }
}
