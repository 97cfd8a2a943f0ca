import { retryPolicy } from './bus/bus.ts'
import { answerOverdue } from './bus/overdue.ts'
import type { Parts } from './parts.ts'

/**
 * Messages whose lease or time is over, requests that nobody answered in time: safe to be done by several at once, and one
 * host is enough.
 */
export async function tendMail(parts: Parts): Promise<void> {
  await parts.store.mailboxes.expire(parts.clock.now(), retryPolicy(parts))
  await answerOverdue(parts)
}

const DAY_MS = 86_400_000

/** The history of messages is bounded by count and age (settings messageHistory, messageDays). */
export async function forgetMail({ store, config, clock, log }: Parts): Promise<void> {
  const before = clock.now() - config.messageDays * DAY_MS
  const forgotten = await store.mailboxes.prune({ keep: config.messageHistory, before })
  if (forgotten > 0) log.info('forgot messages that were read', { messages: forgotten })
}
