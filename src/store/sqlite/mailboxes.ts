import { isDeepStrictEqual } from 'node:util'
import { OrchError } from '../../errors.ts'
import { DELIVERY_STATES } from '../../message/delivery.ts'
import { FINAL_STATES, type Task, type TaskState } from '../../task/task.ts'
import type { Mailbox, Mailboxes, MailboxOrder, MailStatistics } from '../mailboxes.ts'
import type { GroupCommit } from './group.ts'
import { closeMailbox, drop, type MailTools } from './mail/endings.ts'
import { selectHistory } from './mail/history.ts'
import { toDelivery, type WholeRow } from './mail/message-row.ts'
import { acknowledge, expire, giveBack, lease } from './mail/reading.ts'
import { deadRow, edit, redrive, send } from './mail/sending.ts'

/** Each verb in one transaction with its events; leases in memory (decision 016). */
export function createMailboxes(tools: MailTools, { write }: GroupCommit): Mailboxes {
  const { boxes, messages, leases, arrivals } = tools
  const delivery = (row: WholeRow) => {
    const held = leases.find(row.mailbox, row.id)
    return toDelivery(held ? { ...row, delivered_at: held.at } : row)
  }
  return {
    open: (order, now) => write(() => openMailbox(tools, order, now)),
    close: (name, now, reason) => write(() => closeMailbox(tools, name, now, reason)),
    find: async (name) => boxes.find(name),
    list: async (filter = {}) => boxes.list(filter),
    waiting: async (name) => {
      const { direct, copies } = boxes.filled(name)
      return { direct, copies }
    },

    send: (sent, now) => write(() => send(tools, sent, now)),
    lease: async ({ acknowledge: ids = [], ...request }) => {
      const { mailbox, reader, now } = request
      if (ids.length > 0) await write(() => acknowledge(tools, { mailbox, reader, ids, now }))
      return lease(tools, request)
    },
    acknowledge: (order) => write(() => acknowledge(tools, order)),
    giveBack: (order) => write(() => giveBack(tools, order)),
    expire: (now, retry) => write(() => expire(tools, now, retry)),
    onArrival: arrivals.listen,

    get: async (id) => {
      const row = messages.find(id)
      return row && delivery(row)
    },
    history: async (query) => {
      const { sql, values } = selectHistory(query)
      return sql ? messages.all(sql, values).map(delivery) : []
    },
    edit: (id, now, change) =>
      write(() => {
        edit(tools, id, now, change)
        return toDelivery(messages.get(id))
      }),
    redrive: (ids, now) => write(() => redrive(tools, ids, now)),
    drop: (ids, now) =>
      write(() => {
        for (const id of new Set(ids)) drop(tools, deadRow(tools, id), now)
      }),
    statistics: async () => statistics(tools),
    prune: async ({ keep, before }) => {
      const old = await inBatches((limit) => write(() => messages.forget(before, limit)))
      return old + (await inBatches((limit) => write(() => messages.forgetBeyond(keep, limit))))
    },
  }
}

/** @throws OrchError E_STATE when it is the mailbox of a task that is over */
function openMailbox({ boxes, leases, arrivals }: MailTools, order: MailboxOrder, now: number): Mailbox {
  const { name } = order
  const state = boxes.taskState(name)
  if (FINAL_STATES.some((final) => final === state))
    throw new OrchError('E_STATE', `${name} is ${state}: nobody reads there any more`)
  const there = boxes.find(name)
  const openedAt = there?.open ? there.openedAt : now
  const box: Mailbox = { capabilities: [], topics: [], ...there, ...given(order), open: true, openedAt }
  if (!there) boxes.add(box)
  else if (!isDeepStrictEqual(there, box)) boxes.save(box)
  if (there && there.reader !== box.reader) {
    for (const { id } of leases.of(name)) leases.release(name, id)
    arrivals.ring(name)
  }
  return box
}

const given = (order: MailboxOrder): MailboxOrder =>
  Object.fromEntries(
    Object.entries(order).filter(([, value]) => value !== undefined),
  ) as unknown as MailboxOrder

function statistics({ boxes, messages }: MailTools): MailStatistics {
  const states = Object.fromEntries(DELIVERY_STATES.map((state) => [state, 0])) as MailStatistics['states']
  const types: MailStatistics['types'] = {}
  for (const { state, type, messages: count } of messages.counts()) {
    states[state] += count
    types[type] = (types[type] ?? 0) + count
  }
  return { mailboxes: boxes.countOpen(), states, types }
}

/** Others' writes come between the batches. */
const BATCH = 1_000

async function inBatches(work: (limit: number) => Promise<number>): Promise<number> {
  for (let sum = 0; ; ) {
    const done = await work(BATCH)
    sum += done
    if (done < BATCH) return sum
  }
}

/** What the arrows of a task do to its mailbox, in the same transaction. */
export interface TaskMail {
  /** The task is over. */
  ended(task: Task, now: number): void
  /** A person has it tried again: nobody reads there yet. */
  retried(task: Task, now: number): void
}

export function createTaskMail(tools: MailTools): TaskMail {
  return {
    ended({ id, state, reason }, now) {
      if (!tools.boxes.find(id)) return
      const code: TaskState = state
      const why = state === 'accepted' || !reason ? '' : `: ${reason.message}`
      closeMailbox(tools, id, now, { code, message: `${id} is ${state}${why}` })
    },
    retried({ id }, now) {
      const box = tools.boxes.find(id)
      if (!box) return
      const { reader: _, agent: __, ...rest } = box
      tools.boxes.save({ ...rest, open: true, openedAt: now })
    },
  }
}
