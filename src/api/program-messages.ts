import type { Clock } from '../clock.ts'
import type { Ids } from '../id.ts'
import type { Message, MessageType, PayloadOf, Priority } from '../message/message.ts'

/** What programs give to the AgentCommunicationBus, and what it gives them. */

/** A program that takes part: its mailbox, what it can do, and what it wants to hear. */
export interface ProgramAgent {
  /** Small letters, digits and dashes; not beginning with `t-`, which are tasks. */
  name: string
  /** What others may ask it for (`requestAssistance`). */
  capabilities?: string[]
  /** Broadcasts to `#topic` that it gets. */
  topics?: string[]
}

export interface OutgoingMessage<T extends MessageType = MessageType> {
  type: T
  payload: Partial<PayloadOf<T>> & Record<string, unknown>
  /** Of the agents of this bus; needed when it has several. */
  from?: string
  /** Sent again with the same id it is the same message. Default: a new one. */
  id?: string
  priority?: Priority
  /** Of an answer: that of its request. */
  correlationId?: string
  /** Not delivered later than this. */
  ttlMs?: number
}

export interface SentMessage {
  id: string
  /** Mailboxes that it went to. */
  to: string[]
  /** False when it had been sent before. */
  created: boolean
}

export interface AssistanceOrder {
  question: string
  /** What the one who is asked must be able to do; or `to`. */
  capability?: string
  to?: string
  context?: string
  files?: string[]
  from?: string
  priority?: Priority
  /** Until E_TIMEOUT; the request is not delivered any more then. Default ten minutes. */
  timeoutMs?: number
}

export type MessageHandler = (message: Message) => Promise<void> | void

export interface SubscribeOptions {
  /** Of the agents of this bus; needed when it has several. */
  agent?: string
  /** Only these. Default: all. */
  types?: MessageType[]
}

export interface Subscription {
  /** Stops after the message that is being handled. */
  close(): Promise<void>
  /** Resolves after `close`; rejects when reading ended by itself: E_STALE when another process has taken the mailbox over. */
  ended: Promise<void>
}

export interface BusStatistics {
  /** Mailboxes that are open. */
  mailboxes: number
  /** Messages by what became of them, and by type: those that are kept. */
  states: Record<'waiting' | 'acknowledged' | 'dead' | 'dropped', number>
  types: Partial<Record<MessageType, number>>
  /** What this bus did. */
  own: { sent: number; handled: number; returned: number }
}

export interface BusOptions {
  clock?: Clock
  ids?: Pick<Ids, 'message' | 'uuid'>
  /** Messages that are fetched at once. Default 10. */
  batch?: number
  /** How long the daemon holds a message for a handler before it is given again; renewed while this process lives. Default 60,000. */
  leaseMs?: number
  /** Is told what a handler threw. */
  onError?: (error: unknown, message: Message) => void
}
