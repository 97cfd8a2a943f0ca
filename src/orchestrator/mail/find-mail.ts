import type { RunId } from '../../id.ts'
import type { Delivery, DeliveryState } from '../../message/delivery.ts'
import type { MessageType } from '../../message/message.ts'
import type { HistoryQuery } from '../../store/store.ts'
import type { Parts } from '../parts.ts'

export interface MailQuery {
  runId?: RunId | undefined
  /** Sent by or to this mailbox. */
  mailbox?: string | undefined
  from?: string | undefined
  to?: string | undefined
  types?: MessageType[] | undefined
  states?: DeliveryState[] | undefined
  correlationId?: string | undefined
  /** `ordinal` of the last one that is known; with `newest` of the oldest. */
  after?: number | undefined
  newest?: boolean | undefined
  limit: number
}

const PAGE = 1_000

/** Messages in the order of sending. The store knows "by or to a mailbox": the rest is sieved here. */
export async function findMail({ store }: Pick<Parts, 'store'>, query: MailQuery): Promise<Delivery[]> {
  const { limit, newest = false } = query
  const found: Delivery[] = []
  for (let after = query.after; ; ) {
    const page = await store.mailboxes.history(storeQuery(query, after))
    found.push(...page.filter((it) => fits(it, query)))
    after = page.at(-1)?.ordinal
    if (page.length < pageOf(query) || found.length >= limit) break
  }
  const some = found.slice(0, limit)
  return newest ? some.sort((a, b) => a.ordinal - b.ordinal) : some
}

const sieved = ({ from, to, mailbox }: MailQuery) => [from, to, mailbox].filter(Boolean).length > 0
const pageOf = (query: MailQuery) => (sieved(query) ? PAGE : Math.min(PAGE, query.limit))

function fits({ message }: Delivery, { from, to, mailbox }: MailQuery): boolean {
  if (from !== undefined && message.from !== from) return false
  if (to !== undefined && message.to !== to) return false
  return mailbox === undefined || message.from === mailbox || message.to === mailbox
}

function storeQuery(query: MailQuery, after: number | undefined): HistoryQuery {
  const { runId, types, states, correlationId, newest, mailbox, from, to } = query
  const box = mailbox ?? to ?? from
  return {
    limit: pageOf(query),
    ...(runId && { runId }),
    ...(box && { mailbox: box }),
    ...(types && { types }),
    ...(states && { states }),
    ...(correlationId && { correlationId }),
    ...(newest && { newest }),
    ...(after !== undefined && { after }),
  }
}
