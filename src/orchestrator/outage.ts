import type { Store } from '../store/store.ts'
import type { Parts } from './parts.ts'

/** What a host does when the store that it shares with others was out of reach. */

/** Then nothing is claimed, driven on or looked after: it would fail, and fail again. */
export const isOutOfReach = ({ exchange }: Pick<Store, 'exchange'>): boolean =>
  exchange?.reach().state === 'down'

/** Calls `back` when the store is there again, and has the journal tell for how long it was not. Gives what ends it. */
export function watchReach(parts: Parts, back: () => Promise<void>): () => void {
  const { store, clock, log, host } = parts
  let downSince: number | undefined
  const told = async (since: number) => {
    await back()
    const data = { host, downMs: Math.max(0, clock.now() - since) }
    log.info('the store is back', data)
    await store.journal.append([{ type: 'store.back', at: clock.now(), data }])
  }
  return (
    store.exchange?.onReach(({ state }) => {
      if (state === 'down') {
        downSince ??= clock.now()
        return
      }
      const since = downSince
      downSince = undefined
      if (since !== undefined) told(since).catch((error) => log.warn('the store went away again', { error }))
    }) ?? (() => {})
  )
}
