import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'

/** How somebody waits for a daemon, or for its store, that is away for a while. */
export interface Patience {
  clock: Pick<Clock, 'now'>
  /** How long is waited in all, in ms. The time in which calls are answered does not count. */
  ms: number
  /** Whether what failed so may be asked again; looked at before and after the waiting. */
  again: (error: OrchError) => boolean
  /** Waits a little, or brings back what is away. What it throws ends the waiting. */
  wait: (error: OrchError, round: number) => Promise<void>
}

/** Asks until it is answered, as long as the daemon or its store is away. @throws what `ask` throws, at last */
export async function askAgain<T>(ask: () => Promise<T>, { clock, ms, again, wait }: Patience): Promise<T> {
  for (let waited = 0, round = 0; ; round++) {
    try {
      return await ask()
    } catch (error) {
      if (!isAway(error) || !again(error) || waited >= ms) throw error
      const begin = clock.now()
      await wait(error, round)
      waited += clock.now() - begin
      if (!again(error)) throw error
    }
  }
}

const isAway = (error: unknown): error is OrchError =>
  error instanceof OrchError && (error.code === 'E_DAEMON' || error.code === 'E_STORE_DOWN')

/** It was not asked at all: nobody was there. */
export function neverArrived({ cause }: OrchError): boolean {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return code === 'ECONNREFUSED' || code === 'ENOENT'
}
