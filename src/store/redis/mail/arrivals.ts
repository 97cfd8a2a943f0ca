import { createListeners } from '../../listeners.ts'
import type { Closing, RedisTools } from '../tools.ts'
import type { Hands } from './hands.ts'

/** Which mailboxes have something new for their reader, as the scripts publish it. */
export interface Arrivals extends Closing {
  listen(listener: (names: ReadonlySet<string>) => void): () => void
}

const AGAIN_MS = 200

/**
 * Follows what all stores of this cluster publish. What was published while the connection was lost is made good: listeners
 * are told of all mailboxes in which something waits (`filled`).
 */
export function createArrivals(
  { connection, prefix, log }: RedisTools,
  hands: Hands,
  filled: () => Promise<string[]>,
): Arrivals {
  const channel = `${prefix}arrivals`
  const listeners = createListeners<ReadonlySet<string>>(log, 'a reader of mailboxes failed')
  const redis = connection.another('arrivals')
  let timer: NodeJS.Timeout | undefined
  let closed = false

  /** From here on nothing is missed; what was missed before is told now. */
  async function follow(): Promise<void> {
    clearTimeout(timer)
    try {
      await redis.subscribe(channel, hands.list)
      hands.rung()
      if (listeners.size() === 0) return
      const names = await filled()
      if (names.length > 0) listeners.tell(new Set(names))
    } catch (error) {
      log.debug('arrivals of messages are not heard yet', { error })
      if (!closed) timer = setTimeout(follow, AGAIN_MS)
    }
  }
  redis.on('message', (_, text: string) => {
    const names = new Set(text.split(' '))
    hands.rung(names)
    listeners.tell(names)
  })
  redis.on('ready', follow)

  return {
    listen: listeners.add,
    async close() {
      closed = true
      await hands.close()
      clearTimeout(timer)
      listeners.clear()
      redis.disconnect()
    },
  }
}
