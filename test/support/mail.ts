import type { Delivery, DeliveryState, RetryPolicy } from '../../src/message/delivery.ts'
import type { Message } from '../../src/message/message.ts'
import type { Mailbox, MailboxOrder, Store } from '../../src/store/store.ts'

/** Small samples for tests of mailboxes and for the programs that such tests start. */

let last = 0

/** A message with an id of its own, from `alice` to `bob`. */
export function message(change: Partial<Message> = {}): Message {
  last += 1
  return {
    id: `m-${String(last).padStart(12, '0')}`,
    version: 1,
    type: 'context_share',
    from: 'alice',
    to: 'bob',
    priority: 'normal',
    timestamp: '2026-01-01T00:00:00.000Z',
    retryCount: 0,
    payload: { subject: 'a subject', content: 'a content', files: [] },
    ...change,
  }
}

export function openBox(
  { mailboxes }: Store,
  name: string,
  change: Partial<MailboxOrder> = {},
  now = 1,
): Promise<Mailbox> {
  return mailboxes.open({ name, capacity: 1_000, ...change }, now)
}

/** Comes back after 100, 200, 400 … ms. */
export const RETRY: RetryPolicy = { tries: 3, baseMs: 200, maxMs: 10_000, fraction: 0 }

/** What the reader gets now, for 1,000 ms. */
export function lease(
  { mailboxes }: Store,
  change: Partial<Parameters<Store['mailboxes']['lease']>[0]> = {},
) {
  return mailboxes.lease({ mailbox: 'bob', reader: 'reader', now: 1, leaseMs: 1_000, limit: 100, ...change })
}

/** What comes for a reader that waits until the signal aborts, as `awaitMail` has it. */
export async function receive(store: Store, wait: AbortSignal, change: Parameters<typeof lease>[1] = {}) {
  let bell = Promise.withResolvers<void>()
  const ring = () => bell.resolve()
  const stop = store.mailboxes.onArrival(ring)
  wait.addEventListener('abort', ring)
  try {
    for (;;) {
      bell = Promise.withResolvers()
      const found = await lease(store, { ...change, wait })
      if (found.length > 0 || wait.aborted) return found
      await bell.promise
    }
  } finally {
    stop()
    wait.removeEventListener('abort', ring)
  }
}

export const ids = (messages: readonly Pick<Message, 'id'>[]): string[] => messages.map(({ id }) => id)

export const idsOf = (deliveries: readonly Delivery[]): string[] =>
  ids(deliveries.map(({ message }) => message))

export function statesOf(
  { mailboxes }: Store,
  ids: readonly string[],
): Promise<(DeliveryState | undefined)[]> {
  return Promise.all(ids.map(async (id) => (await mailboxes.get(id))?.state))
}

/**
 * The names that were rung for from now on, in turns; empties what it gives. What was done before it is asked has been heard
 * then, also from a store that tells of it later: a bell of its own is rung, and waited for.
 */
export async function listenTo(store: Store): Promise<() => Promise<string[]>> {
  let heard: string[] = []
  store.mailboxes.onArrival((names) => heard.push(...[...names].sort()))
  const told = async () => {
    last += 1
    const bell = `bell-${last}`
    for (const reader of ['one', 'other']) await openBox(store, bell, { reader })
    for (const end = Date.now() + 10_000; !heard.includes(bell); ) {
      if (Date.now() > end) throw new Error('the bell was not heard')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const names = heard.filter((name) => !name.startsWith('bell-'))
    heard = []
    return names
  }
  await told()
  return told
}
