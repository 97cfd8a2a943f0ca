import { OrchError } from '../../errors.ts'
import type { Mailboxes } from '../store.ts'
import { createArrivals } from './mail/arrivals.ts'
import { createBoxes } from './mail/boxes.ts'
import { createHistory } from './mail/history.ts'
import { createKeeping } from './mail/keeping.ts'
import { createReading } from './mail/reading.ts'
import { createSending } from './mail/sending.ts'
import type { Scripts } from './script.ts'
import type { RedisTools } from './tools.ts'

/** What the store has to let go of when it closes; `close` is a verb of mailboxes. */
export type RedisMailboxes = Mailboxes & { end(): Promise<void> }

/** Each verb is one script with its events (of very many messages: one a piece); leases are in Redis too. */
export function createMailboxes(tools: RedisTools): RedisMailboxes {
  let closed = false
  const scripts: Scripts = {
    define(...definition) {
      const script = tools.scripts.define<never, never>(...definition)
      return async (input) => {
        if (closed) throw new OrchError('E_STORE', 'the store is closed')
        return await script(input as never)
      }
    },
  }
  const { filled, ...boxes } = createBoxes(scripts)
  const arrivals = createArrivals(tools, filled)
  return {
    ...boxes,
    ...createSending(scripts),
    ...createReading(scripts),
    ...createHistory(scripts),
    ...createKeeping(scripts),
    onArrival: arrivals.listen,
    async end() {
      closed = true
      await arrivals.close()
    },
  }
}
