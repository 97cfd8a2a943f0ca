import type { Mailboxes } from '../../store.ts'
import type { RedisTools } from '../tools.ts'
import { createArrivals } from './arrivals.ts'
import { createBoxes } from './boxes.ts'
import { createHands } from './hands.ts'
import { createHistory } from './history.ts'
import { createKeeping } from './keeping.ts'
import { createReading, defineGiveUp } from './reading.ts'
import { createSending } from './sending.ts'

/** What the store has to let go of when it closes; `close` is a verb of mailboxes. */
export type RedisMailboxes = Mailboxes & { end(): Promise<void> }

/**
 * Not gathered with what else is asked in the same turn of the event loop, and not held up by what was asked before: that is a
 * fifth of the time that a message takes.
 */
const AT_ONCE = ['mailSend', 'mailLease', 'mailAcknowledge']

/** Each verb is one script with its events (of very many messages: one a piece); leases are in Redis too. */
export function createMailboxes(tools: RedisTools): RedisMailboxes {
  const { redis, scripts } = tools
  const { options } = redis
  options.autoPipeliningIgnoredCommands = [...(options.autoPipeliningIgnoredCommands ?? []), ...AT_ONCE]
  const { filled, ...boxes } = createBoxes(scripts)
  const hands = createHands(tools, defineGiveUp(scripts))
  const arrivals = createArrivals(tools, hands, filled)
  return {
    ...boxes,
    ...createSending(scripts),
    ...createReading(scripts, hands),
    ...createHistory(scripts),
    ...createKeeping(scripts),
    onArrival: arrivals.listen,
    end: arrivals.close,
  }
}
