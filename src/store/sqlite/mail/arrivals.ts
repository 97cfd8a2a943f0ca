import type { Log } from '../../../log.ts'
import type { SideEffects } from '../group.ts'

/** Which mailboxes have something new for their reader; told when it is durable. */
export interface Arrivals extends SideEffects {
  ring(mailbox: string): void
  listen(listener: (names: ReadonlySet<string>) => void): () => void
}

export function createArrivals(log: Log): Arrivals {
  const listeners = new Set<(names: ReadonlySet<string>) => void>()
  let rung: string[] = []

  function tell(names: ReadonlySet<string>): void {
    for (const listener of [...listeners]) {
      try {
        listener(names)
      } catch (error) {
        log.error('a reader of mailboxes failed', { error })
      }
    }
  }
  return {
    ring: (mailbox) => void rung.push(mailbox),
    listen(listener) {
      const own = (names: ReadonlySet<string>) => listener(names)
      listeners.add(own)
      return () => listeners.delete(own)
    },
    mark: () => rung.length,
    rewind: (mark) => {
      rung.length = mark
    },
    publish() {
      const names = new Set(rung)
      rung = []
      if (names.size > 0 && listeners.size > 0) queueMicrotask(() => tell(names))
    },
  }
}
