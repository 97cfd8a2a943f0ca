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
  const until = clock.now() + ms
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
      if (found !== undefined || signal?.aborted || clock.now() >= until) return found
      const next = due ? Math.min(until, await due()) : until
      await Promise.race([
        bell.promise,
        ...(next < until ? [clock.sleep(next - clock.now(), over.signal)] : []),
      ])
    }
  } finally {
    stop()
    over.abort('found') // without a reason it would make an error with its stack
    signal?.removeEventListener('abort', end)
  }
}
