import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'

export interface MailWait {
  ms: number
  signal?: AbortSignal
  /** When there may be something that no arrival tells of, ms since the epoch. */
  due?: () => Promise<number>
  /** Whoever reads there gets messages while we look on: also those that are given to a reader at once are arrivals. */
  beside?: boolean
}

/**
 * Calls `look` now and after each arrival in the mailbox until it gives something; undefined when `ms` are over or `signal`
 * aborts first. It may itself wait, until its own signal aborts.
 */
export async function awaitMail<T>(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  mailbox: string,
  { ms, signal, due, beside }: MailWait,
  look: (wait: AbortSignal) => Promise<T | undefined>,
): Promise<T | undefined> {
  const over = new AbortController()
  const wait = new AbortController()
  let bell = Promise.withResolvers<void>()
  const ring = () => bell.resolve()
  const end = () => {
    wait.abort('time')
    ring()
  }
  const stops = [
    store.mailboxes.onArrival((names) => names.has(mailbox) && ring()),
    ...(beside ? [onSent(store, mailbox, ring)] : []),
  ]
  signal?.addEventListener('abort', end)
  if (ms > 0 && !signal?.aborted) void clock.sleep(ms, over.signal).then(end)
  else end()
  try {
    for (;;) {
      bell = Promise.withResolvers() // before looking: what comes meanwhile rings it
      const found = await look(wait.signal)
      // Not what the clock says: a timer may end a millisecond before its time, and nothing would ring again.
      if (found !== undefined || wait.signal.aborted) return found
      const next = due ? await due() : Infinity
      const again = next < Infinity ? [clock.sleep(next - clock.now(), over.signal)] : []
      await Promise.race([bell.promise, ...again])
    }
  } finally {
    for (const stop of stops) stop()
    over.abort('found') // without a reason it would make an error with its stack
    signal?.removeEventListener('abort', end)
  }
}

const onSent = ({ journal }: Pick<Store, 'journal'>, mailbox: string, ring: () => void) =>
  journal.subscribe((events) => {
    if (events.some(({ type, data }) => type === 'message.sent' && data?.to === mailbox)) ring()
  })
