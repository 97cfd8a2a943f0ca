import type { SideEffects } from '../group.ts'

/** A message that its reader works on. Times are ms since the epoch. */
export interface Lease {
  id: string
  ordinal: number
  mailbox: string
  sender: string
  reader: string
  /** When it was given to the reader. */
  at: number
  until: number
}

/** Leases are kept in memory (decision 016). A verb that is undone gets those back that it ended. */
export interface Leases extends SideEffects {
  take(lease: Lease): void
  find(mailbox: string, id: string): Lease | undefined
  /** In the order of the messages. */
  of(mailbox: string): Lease[]
  /** Of one mailbox each: those that ended by themselves. */
  ended(now: number): Lease[][]
  count(): number
  /** Gives the lease that was there. */
  release(mailbox: string, id: string): Lease | undefined
}

export function createLeases(): Leases {
  const boxes = new Map<string, Map<string, Lease>>()
  const undo: (() => void)[] = []

  function take(lease: Lease): void {
    const box = boxes.get(lease.mailbox) ?? new Map<string, Lease>()
    boxes.set(lease.mailbox, box.set(lease.id, lease))
  }
  const sorted = (leases: Iterable<Lease>) => [...leases].sort((a, b) => a.ordinal - b.ordinal)

  return {
    take,
    find: (mailbox, id) => boxes.get(mailbox)?.get(id),
    of: (mailbox) => sorted(boxes.get(mailbox)?.values() ?? []),
    ended: (now) =>
      [...boxes.values()]
        .map((box) => sorted(box.values()).filter(({ until }) => until <= now))
        .filter((ended) => ended.length > 0),
    count: () => [...boxes.values()].reduce((sum, { size }) => sum + size, 0),
    release(mailbox, id) {
      const box = boxes.get(mailbox)
      const lease = box?.get(id)
      if (!box || !lease) return undefined
      box.delete(id)
      if (box.size === 0) boxes.delete(mailbox)
      undo.push(() => take(lease))
      return lease
    },
    mark: () => undo.length,
    rewind(mark) {
      while (undo.length > mark) undo.pop()?.()
    },
    publish() {
      undo.length = 0
    },
  }
}
