import { DELIVERY_STATES } from '../../../message/delivery.ts'
import { MESSAGE_TYPES } from '../../../message/message.ts'
import type { HistoryQuery } from '../../mailboxes.ts'

type Value = string | number
interface Condition {
  sql: string
  values: Value[]
}

/**
 * Every form walks an index in the order of messages and stops at the limit. What is asked of a mailbox is merged from one
 * walk for each state, what has no correlation, mailbox or run from one for each state and type: a rare one is found
 * without reading a million others.
 */
export function selectHistory(query: HistoryQuery): { sql: string; values: Value[] } {
  const { after, limit = 1_000, newest = false } = query
  const place = after === undefined ? [] : [{ sql: newest ? 'ordinal < ?' : 'ordinal > ?', values: [after] }]
  const walks = walksOf(query).map((conditions) => [...conditions, ...place])
  if (walks.length === 0) return { sql: '', values: [] }
  const selects = walks.map((conditions) => {
    const where = conditions.map(({ sql }) => sql).join(' AND ')
    return `SELECT * FROM messages${query.unanswered ? UNANSWERED : ''}${where && ` WHERE ${where}`}`
  })
  return {
    sql: `${selects.join(' UNION ALL ')} ORDER BY ordinal${newest ? ' DESC' : ''} LIMIT ? + 0`,
    values: [...walks.flat().flatMap(({ values }) => values), limit],
  }
}

/** Few at any time, so that all else is looked for among them. */
const UNANSWERED = ' INDEXED BY messages_unanswered'
const IS_UNANSWERED = {
  sql: "answer_id IS NULL AND type IN ('assistance_request', 'validation_request')",
  values: [],
}

function walksOf(query: HistoryQuery): Condition[][] {
  const { correlationId, mailbox, runId, types, states } = query
  if (types?.length === 0 || states?.length === 0) return []
  const among = [...oneOf('+type', types), ...oneOf('+state', states)]
  const ofRun = runId === undefined ? [] : [is('+run_id', runId)]
  const ofBox =
    mailbox === undefined ? [] : [{ sql: '(+mailbox = ? OR +sender = ?)', values: [mailbox, mailbox] }]
  if (query.unanswered) {
    const correlated = correlationId === undefined ? [] : [is('+correlation_id', correlationId)]
    return [[IS_UNANSWERED, ...correlated, ...ofBox, ...ofRun, ...among]]
  }
  if (correlationId !== undefined) {
    return [[is('correlation_id', correlationId), ...ofBox, ...ofRun, ...among]]
  }
  if (mailbox !== undefined) {
    const rest = [...ofRun, ...oneOf('+type', types)]
    return each(states ?? DELIVERY_STATES, 'state').flatMap((state) => [
      [is('mailbox', mailbox), state, ...rest],
      [is('sender', mailbox), state, { sql: '+mailbox <> ?', values: [mailbox] }, ...rest],
    ])
  }
  if (runId !== undefined) return [[is('run_id', runId), ...among]]
  if (!types && !states) return [[]]
  return each(states ?? DELIVERY_STATES, 'state').flatMap((state) =>
    each(types ?? MESSAGE_TYPES, 'type').map((type) => [state, type]),
  )
}

const is = (column: string, value: Value): Condition => ({ sql: `${column} = ?`, values: [value] })
const each = (values: readonly Value[], column: string): Condition[] =>
  [...new Set(values)].map((value) => is(column, value))
const oneOf = (column: string, values: readonly string[] | undefined): Condition[] =>
  values ? [{ sql: `${column} IN (${values.map(() => '?').join(', ')})`, values: [...values] }] : []
