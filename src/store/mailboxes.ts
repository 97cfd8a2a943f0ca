import type { RunId, TaskId } from '../id.ts'
import type { Delivery, DeliveryState, RetryPolicy } from '../message/delivery.ts'
import type { Message, MessageType } from '../message/message.ts'
import type { Reason } from '../task/task.ts'

/**
 * The mailboxes of the store: each verb is one transaction with its journal events (`message.*`), durable before the promise
 * resolves. Delivery is at least once, in the order of sending for each pair of sender and receiver; a message whose id was
 * sent before is the same message. Only a lease may be forgotten (when the store is closed or fails): then the message is
 * delivered again. A final arrow of a task closes its mailbox in the same transaction, `retry` opens it again.
 *
 * All verbs throw OrchError: E_NOT_FOUND, E_STATE, E_STORE, E_DISK_FULL and what they name.
 */
export interface Mailboxes {
  /**
   * Makes the mailbox or opens it again, and replaces what is given. Another `reader` than before gives back what the one
   * before had leased, at once and without using up a try. @throws OrchError E_STATE when its task is over
   */
  open(box: MailboxOrder, now: number): Promise<Mailbox>
  /**
   * Nothing can be sent any more. What waits there becomes dead (`receiver-gone`, with the message of `reason`); copies for
   * many are dropped. Closed already is no error.
   */
  close(name: string, now: number, reason: Reason): Promise<void>
  find(name: string): Promise<Mailbox | undefined>
  list(filter?: MailboxFilter): Promise<Mailbox[]>
  /** How many wait: for this reader alone, and copies of what went to many. */
  waiting(name: string): Promise<{ direct: number; copies: number }>

  /**
   * All of them, or none. A message that answers is noted at its request (`correlationId`): at the one that was asked of its
   * sender and has no answer yet; an answer of `orch` at each that nobody else will answer (dead, dropped, expired, or its
   * mailbox is closed), or else at all. Messages whose id is known change nothing. A copy for many whose mailbox is closed or
   * full is dropped at once (`receiver-gone`, `mailbox-full`): the others get theirs.
   * @throws OrchError E_NOT_FOUND (no such mailbox), E_STATE (it is closed), E_MAILBOX_FULL
   */
  send(messages: readonly Message[], now: number): Promise<{ id: string; created: boolean }[]>
  /**
   * Messages for the reader in order. One that has to wait (backoff) holds up later ones of the same sender, nobody else's.
   * `again`: also those that this reader has leased already, first. `acknowledge` is done before, as by `acknowledge`.
   * @throws OrchError E_STALE when somebody else is the reader, E_NOT_FOUND
   */
  lease(request: LeaseRequest): Promise<Delivery[]>
  /**
   * In order for each sender: an earlier one that is not acknowledged goes along with those that are named. One that was
   * acknowledged before is no error; the lease may have ended. @throws OrchError E_NOT_FOUND, E_STALE
   */
  acknowledge(order: ReaderOrder): Promise<void>
  /** Gives back what was leased, with those leased after it from the same sender; after its tries the first is dead. @throws OrchError E_STALE */
  giveBack(order: ReaderOrder & { reason: Reason; retry: RetryPolicy }): Promise<void>
  /** Gives back what was leased for too long, and buries what has expired. Gives how many of each. */
  expire(now: number, retry: RetryPolicy): Promise<{ returned: number; buried: number }>
  /**
   * Calls `listener` with the names of mailboxes after each commit that put something into them for their reader (also what
   * came back and is due later), or made something due; not always for what was leased to a reader that waits, in the same commit. Gives what stops it.
   */
  onArrival(listener: (names: ReadonlySet<string>) => void): () => void

  get(id: string): Promise<Delivery | undefined>
  /** In the order of sending, those after `after`, at most `limit` (default 1,000). */
  history(query: HistoryQuery): Promise<Delivery[]>
  /** dead ─▶ dead, with another payload or receiver. @throws OrchError E_STATE unless it is dead */
  edit(id: string, now: number, change: Partial<Pick<Message, 'payload' | 'to'>>): Promise<Delivery>
  /** dead ─▶ waiting, behind all others, all or none. @throws as send; E_STATE unless they are dead */
  redrive(ids: readonly string[], now: number): Promise<void>
  /** dead ─▶ dropped. @throws OrchError E_STATE unless they are dead */
  drop(ids: readonly string[], now: number): Promise<void>
  statistics(): Promise<MailStatistics>
  /** Forgets messages that are acknowledged or dropped, the oldest first: those beyond `keep`, and those sent before `before`. Gives how many. */
  prune(bounds: { keep: number; before: number }): Promise<number>
}

export interface MailboxOrder {
  /** Id of a task, or a name. */
  name: string
  /** Who may read: an agent, or a process of a program. Absent = nobody yet. */
  reader?: string
  runId?: RunId
  taskId?: TaskId
  /** Name that its reader is known by. */
  agent?: string
  profile?: string
  capabilities?: string[]
  topics?: string[]
  /** How many messages may wait. */
  capacity: number
}

export interface Mailbox extends MailboxOrder {
  capabilities: string[]
  topics: string[]
  open: boolean
  openedAt: number
}

export interface MailboxFilter {
  runId?: RunId
  open?: boolean
  capability?: string
  topic?: string
}

export interface LeaseRequest {
  mailbox: string
  reader: string
  now: number
  leaseMs: number
  limit: number
  again?: boolean
  acknowledge?: readonly string[]
  /**
   * Who asks would wait until this aborts. A store that is a way off may then answer only when the first message has come, or
   * something else has happened there; it may as well answer at once that nothing is there.
   */
  wait?: AbortSignal
}

export interface ReaderOrder {
  mailbox: string
  reader: string
  ids: readonly string[]
  now: number
}

export interface HistoryQuery {
  /** Sent in this run, or by others to a mailbox of it. */
  runId?: RunId
  /** Sent by or to this mailbox. */
  mailbox?: string
  types?: MessageType[]
  states?: DeliveryState[]
  correlationId?: string
  /** Only requests that nobody has answered. */
  unanswered?: true
  /** `ordinal` of the last one seen. */
  after?: number
  limit?: number
  /** The newest first; then `after` is where older ones begin. */
  newest?: boolean
}

export interface MailStatistics {
  /** Mailboxes that are open. */
  mailboxes: number
  states: Record<DeliveryState, number>
  types: Partial<Record<MessageType, number>>
}
