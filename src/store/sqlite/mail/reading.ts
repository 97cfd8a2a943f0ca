import { OrchError } from '../../../errors.ts'
import { type Delivery, type RetryPolicy, retryAt } from '../../../message/delivery.ts'
import type { Reason } from '../../../task/task.ts'
import type { LeaseRequest, ReaderOrder } from '../../mailboxes.ts'
import { bury, isExpired, type MailTools, read, tell } from './endings.ts'
import type { Lease } from './leases.ts'
import { type MessageRow, toDelivery } from './message-row.ts'

/** Writes nothing: a lease costs no commit. @throws OrchError E_NOT_FOUND, E_STALE */
export function lease(tools: MailTools, request: LeaseRequest): Delivery[] {
  const { mailbox, reader, now, leaseMs, limit, again } = request
  tools.boxes.readBy(mailbox, reader)
  const given: Delivery[] = []
  const give = ({ ordinal }: { ordinal: number }) => {
    const row = tools.messages.whole(ordinal)
    if (!row || isExpired(row, now)) return
    const { id, sender } = row
    tools.leases.take({ id, ordinal, mailbox, sender, reader, at: now, until: now + leaseMs })
    given.push(toDelivery({ ...row, delivered_at: now }))
  }
  for (const found of [again ? tools.leases.of(mailbox) : [], due(tools, mailbox, now)])
    for (const it of found) {
      if (given.length >= limit) return given
      give(it)
    }
  return given
}

/** What may be given to the reader: one that waits for its next try holds up those of the same sender behind it. */
function* due({ messages, leases }: MailTools, mailbox: string, now: number): Generator<MessageRow> {
  const held = new Set<string>()
  for (const row of messages.waitingIn(mailbox)) {
    if (isExpired(row, now) || held.has(row.sender) || leases.find(mailbox, row.id)) continue
    if ((row.not_before ?? 0) > now) held.add(row.sender)
    else yield row
  }
}

/** @throws OrchError E_NOT_FOUND, E_STALE */
export function acknowledge(tools: MailTools, { mailbox, reader, ids, now }: ReaderOrder): void {
  tools.boxes.readBy(mailbox, reader)
  const newest = new Map<string, MessageRow>()
  for (const id of ids) {
    const row = tools.messages.get(id)
    if (row.mailbox !== mailbox) throw new OrchError('E_NOT_FOUND', `there is no message ${id} in ${mailbox}`)
    const known = newest.get(row.sender)
    if (row.state === 'waiting' && !(known && known.ordinal > row.ordinal)) newest.set(row.sender, row)
  }
  const last = Math.max(...[...newest.values()].map(({ ordinal }) => ordinal))
  if (newest.size === 0) return
  for (const row of tools.messages.waitingIn(mailbox)) {
    if (row.ordinal > last) break
    if (row.ordinal > (newest.get(row.sender)?.ordinal ?? -1)) continue
    // One that had expired before it was given to the reader was never read.
    if (ids.includes(row.id) || tools.leases.find(mailbox, row.id) || !isExpired(row, now))
      read(tools, row, now)
  }
}

/** @throws OrchError E_NOT_FOUND, E_STALE */
export function giveBack(
  tools: MailTools,
  { mailbox, reader, ids, now, reason, retry }: ReaderOrder & { reason: Reason; retry: RetryPolicy },
): void {
  tools.boxes.readBy(mailbox, reader)
  const given = tools.leases.of(mailbox).filter(({ id }) => ids.includes(id))
  putBack(tools, given, now, reason, retry)
}

/** Leases that ended by themselves, and messages that nobody may read any more. */
export function expire(
  tools: MailTools,
  now: number,
  retry: RetryPolicy,
): { returned: number; buried: number } {
  const sum = { returned: 0, buried: 0 }
  for (const ended of tools.leases.ended(now)) {
    const reason = { code: 'lease-expired', message: `${ended[0]?.reader} did not acknowledge it in time` }
    const { returned, buried } = putBack(tools, ended, now, reason, retry)
    sum.returned += returned
    sum.buried += buried
  }
  for (const row of tools.messages.expired(now, MOST_EXPIRED + tools.leases.count())) {
    if (tools.leases.find(row.mailbox, row.id)) continue
    bury(tools, row, now, { code: 'expired', message: 'it was not read before it expired' })
    sum.buried += 1
  }
  return sum
}

/** Buried at once at most; the rest is found the next time. */
const MOST_EXPIRED = 1_000

/** Ends leases of one mailbox, with those behind them: the first of each sender has used up a try. */
function putBack(tools: MailTools, ended: Lease[], now: number, reason: Reason, retry: RetryPolicy) {
  const firsts = new Map<string, Lease>()
  for (const lease of ended) if (!firsts.has(lease.sender)) firsts.set(lease.sender, lease)
  const sum = { returned: 0, buried: 0 }
  for (const first of firsts.values()) {
    const behind = tools.leases
      .of(first.mailbox)
      .filter(({ sender, ordinal }) => sender === first.sender && ordinal >= first.ordinal)
    for (const { mailbox, id } of behind) tools.leases.release(mailbox, id)
    const dead = !waitOrDie(tools, first, now, reason, retry)
    sum.returned += behind.length - Number(dead)
    sum.buried += Number(dead)
  }
  return sum
}

/** False when it had its last try. */
function waitOrDie(tools: MailTools, lease: Lease, now: number, reason: Reason, retry: RetryPolicy): boolean {
  const row = tools.messages.get(lease.id)
  const returns = row.returns + 1
  if (returns >= retry.tries) {
    const message = `given to its reader ${returns} times, last: ${reason.message}`
    bury(tools, { ...row, delivered_at: lease.at }, now, { code: 'undeliverable', message })
    return false
  }
  const notBefore = retryAt(returns, now, retry)
  tools.messages.returned(row.ordinal, { deliveredAt: lease.at, notBefore, reason })
  tell(tools, 'message.returned', row, now, { reason, returns, notBefore })
  tools.arrivals.ring(row.mailbox) // also when it is due later: who waits there does not know when
  return true
}
