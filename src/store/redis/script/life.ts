import type { OrchError } from '../../../errors.ts'

/** What all scripts of a store know about the Redis that they meet; the pulse (pulse.ts) keeps it. */
export interface Life {
  /** The highest seq of the journal that was seen. */
  seen: number
  /** The time of the store, ms since the epoch. */
  now: () => number
  /** For how long nothing is claimed after Redis has begun anew, in ms: no lease is longer. */
  holdMs: number
  /** Called when a script failed because the store is down. */
  failed: (error: OrchError) => void
}

export const newLife = (holdMs: number): Life => ({ seen: 0, now: Date.now, holdMs, failed: () => {} })
