import type { Task } from '../task/task.ts'
import type { Parts } from './parts.ts'

/** What a shim takes to end an agent: TERM, KILL after two seconds, what left its group a second later; and two to spare. */
export const LEASE_MARGIN_MS = 5_000

/** How long a lease lasts in the store. `leaseSeconds` is how long agents go on when it cannot be renewed. */
export function leaseMsOf({ store, config }: Pick<Parts, 'store' | 'config'>): number {
  return config.leaseSeconds * 1_000 + (store.exchange ? LEASE_MARGIN_MS : 0)
}

/** Until when an agent may work on a task as the store has it, by this machine's clock; undefined = nobody else can take it. */
export function agentMayWorkUntil(
  { store }: Pick<Parts, 'store'>,
  { lease }: Pick<Task, 'lease'>,
): number | undefined {
  if (!store.exchange || !lease) return undefined
  return lease.until - LEASE_MARGIN_MS - store.exchange.clockOffset()
}
