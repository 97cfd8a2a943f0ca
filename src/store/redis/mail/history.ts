import { DELIVERY_STATES, type Delivery } from '../../../message/delivery.ts'
import { ANSWERS, isRequest, MESSAGE_TYPES, type MessageType } from '../../../message/message.ts'
import type { HistoryQuery, Mailboxes, MailStatistics } from '../../mailboxes.ts'
import { GET, HISTORY, STATISTICS } from '../lua/mail-history.ts'
import type { Scripts } from '../script/script.ts'
import { type MessageRow, toDelivery } from './rows.ts'

interface Search {
  covers: string[][]
  limit: number
  newest: boolean
  after?: string
  types?: Record<string, true>
  states?: Record<string, true>
  run?: string
  box?: string
  correlation?: string
  unanswered?: true
}

/** What is kept of messages. */
export function createHistory({ define }: Scripts): Pick<Mailboxes, 'get' | 'history' | 'statistics'> {
  const small = { evenWhenFull: true } as const
  const get = define<{ id: string }, MessageRow | undefined>('mailGet', [], GET, small)
  type Page = { found: MessageRow[]; after?: string }
  const history = define<Search, Page>('mailHistory', [], HISTORY, small)
  type Counts = { mailboxes: number; counts: number[] }
  const statistics = define<{ indexes: string[] }, Counts>('mailStatistics', [], STATISTICS, small)

  return {
    async get(id) {
      const row = await get({ id })
      return row && toDelivery(row)
    },
    async history(query) {
      const all: Delivery[] = []
      const { limit = 1_000 } = query
      const wanted = search(query)
      if (wanted.covers.some((indexes) => indexes.length === 0)) return all
      for (let from = {}; all.length < limit; ) {
        const { found, after } = await history({ ...wanted, ...from, limit: limit - all.length })
        for (const row of found) all.push(toDelivery(row))
        if (after === undefined) break
        from = { after }
      }
      return all
    },
    async statistics() {
      const { mailboxes, counts } = await statistics({ indexes: KINDS.map(([, , index]) => index) })
      const states = Object.fromEntries(
        DELIVERY_STATES.map((state) => [state, 0]),
      ) as MailStatistics['states']
      const types: MailStatistics['types'] = {}
      for (const [index, [state, type]] of KINDS.entries()) {
        const count = counts[index] ?? 0
        states[state] += count
        if (count > 0) types[type] = (types[type] ?? 0) + count
      }
      return { mailboxes, states, types }
    },
  }
}

const KINDS = DELIVERY_STATES.flatMap((state) =>
  MESSAGE_TYPES.map((type) => [state, type, `mail:${state}:${type}`] as const),
)

function search(query: HistoryQuery): Omit<Search, 'limit'> {
  const { runId, mailbox, states, correlationId, unanswered, after, newest = false } = query
  const types = unanswered ? (query.types ?? REQUESTS).filter(isRequest) : query.types
  return {
    covers: coversOf({ ...query, ...(types && { types }) }),
    newest,
    ...(after !== undefined && { after: String(after) }),
    ...(types && { types: setOf(types) }),
    ...(states && { states: setOf(states) }),
    ...(runId !== undefined && { run: runId }),
    ...(mailbox !== undefined && { box: mailbox }),
    ...(correlationId !== undefined && { correlation: correlationId }),
    ...(unanswered && { unanswered }),
  }
}

const REQUESTS = Object.keys(ANSWERS) as MessageType[]
const setOf = (words: readonly string[]): Record<string, true> =>
  Object.fromEntries(words.map((word) => [word, true]))

/** Each list of indexes holds all that is wanted; the script walks the smallest. */
function coversOf({ runId, mailbox, types, states, correlationId, unanswered }: HistoryQuery): string[][] {
  const wanted: readonly string[] = states ?? DELIVERY_STATES
  const kinds = KINDS.filter(
    ([state, type]) =>
      wanted.includes(state) && (types as readonly string[] | undefined)?.includes(type) !== false,
  )
  const boxes = new Set(wanted.flatMap((state) => (state === 'waiting' ? [state, 'leased'] : [state])))
  return [
    kinds.map(([, , index]) => index),
    ...(correlationId === undefined ? [] : [[`mail:correlation:${correlationId}`]]),
    ...(unanswered ? [['mail:unanswered']] : []),
    ...(runId === undefined ? [] : [[`mail:run:${runId}`]]),
    ...(mailbox === undefined
      ? []
      : [[...[...boxes].map((state) => `box:${mailbox}:${state}`), `mail:from:${mailbox}`]]),
  ]
}
