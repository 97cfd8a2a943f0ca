import type { Parts } from '../parts.ts'

/**
 * Calls `look` now and after each arrival in the mailbox until it gives something; undefined when `ms` are over or `signal`
 * aborts first.
 */
export async function awaitMail<T>(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  mailbox: string,
  { ms, signal }: { ms: number; signal?: AbortSignal },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const until = clock.now() + ms
  let bell = new AbortController()
  const ring = () => bell.abort()
  const stop = store.mailboxes.onArrival((names) => names.has(mailbox) && ring())
  signal?.addEventListener('abort', ring)
  try {
    for (;;) {
      bell = new AbortController() // before looking: what comes meanwhile rings it
      const found = await look()
      if (found !== undefined || signal?.aborted || clock.now() >= until) return found
      await clock.sleep(until - clock.now(), bell.signal)
    }
  } finally {
    stop()
    signal?.removeEventListener('abort', ring)
  }
}
