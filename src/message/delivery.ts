import type { Reason } from '../task/task.ts'
import type { Message } from './message.ts'

/**
 * How a message gets to its reader. `waiting` in its mailbox until its reader has acknowledged it; a lease lets the
 * reader work on it and ends by itself. What cannot be delivered is `dead` until a person redrives or drops it.
 *
 * ```
 * waiting ─▶ (leased) ─▶ acknowledged         waiting ─▶ dead ─▶ waiting (redriven) | dropped
 *    ▲          │                             waiting ─▶ dropped (a copy for many whose reader is gone)
 *    └ backoff ─┘ returned; after the last try ─▶ dead
 * ```
 */
export const DELIVERY_STATES = ['waiting', 'acknowledged', 'dead', 'dropped'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** A message with what became of it. Times are ms since the epoch. */
export interface Delivery {
  message: Message
  state: DeliveryState
  /** Place in the order of all messages; grows. */
  ordinal: number
  sentAt: number
  /** Not before: the backoff after it came back. */
  notBefore?: number
  /** When it was given to its reader last. */
  deliveredAt?: number
  acknowledgedAt?: number
  /** The answer to it. */
  answer?: { id: string; at: number }
  /** Why it is dead, dropped, or came back last. */
  reason?: Reason
}

export interface RetryPolicy {
  /** How often it is given to its reader at most. */
  tries: number
  baseMs: number
  maxMs: number
  /** Uniform in [0, 1): the jitter. */
  fraction: number
}

/**
 * When a message is given to its reader again: exponential backoff with equal jitter (Brooker, "Exponential Backoff And
 * Jitter", AWS 2015). @param returns how often it came back, from 1
 */
export function retryAt(returns: number, now: number, { baseMs, maxMs, fraction }: RetryPolicy): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(returns - 1, 30))
  return now + Math.round(ceiling / 2 + (ceiling / 2) * fraction)
}

/** Why a message is dead. */
export const DEAD_REASONS = ['undeliverable', 'expired', 'receiver-gone'] as const
