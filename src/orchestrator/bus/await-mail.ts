import type { Parts } from '../parts.ts'

/**
 * Calls `look` now and after each arrival in the mailbox until it gives something; undefined when `ms` are over or `signal`
 * aborts first. It may itself wait, until its own signal aborts. `due`: when there may be something that no arrival tells of,
 * ms since the epoch.
 */
export async function awaitMail<T>(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  mailbox: string,
  { ms, signal, due }: { ms: number; signal?: AbortSignal; due?: () => Promise<number> },
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
  const stop = store.mailboxes.onArrival((names) => names.has(mailbox) && ring())
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
    stop()
    over.abort('found') // without a reason it would make an error with its stack
    signal?.removeEventListener('abort', end)
  }
}
