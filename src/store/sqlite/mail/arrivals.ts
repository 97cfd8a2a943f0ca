import type { Log } from '../../../log.ts'
import { createListeners } from '../../listeners.ts'
import type { SideEffects } from '../group.ts'

/** Which mailboxes have something new for their reader; told when it is durable. */
export interface Arrivals extends SideEffects {
  ring(mailbox: string): void
  listen(listener: (names: ReadonlySet<string>) => void): () => void
}

export function createArrivals(log: Log): Arrivals {
  const listeners = createListeners<ReadonlySet<string>>(log, 'a reader of mailboxes failed')
  let rung: string[] = []
  return {
    ring: (mailbox) => void rung.push(mailbox),
    listen: listeners.add,
    mark: () => rung.length,
    rewind: (mark) => {
      rung.length = mark
    },
    publish() {
      const names = new Set(rung)
      rung = []
      if (names.size > 0 && listeners.size() > 0) queueMicrotask(() => listeners.tell(names))
    },
  }
}
