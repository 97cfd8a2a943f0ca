import { isRequest } from '../../../message/message.ts'
import type { Attempt } from '../../../task/task.ts'
import type { RecordKind, StoreRecord } from '../../transfer.ts'
import { eventRow } from '../journal/row.ts'
import { MAIL_BASE } from '../lua/mail-base.ts'
import { TASK_QUEUE } from '../lua/task-queue.ts'
import {
  GATES,
  LOAD_BOXES,
  LOAD_EVENTS,
  LOAD_MESSAGES,
  LOAD_PULLS,
  LOAD_RUNS,
  LOAD_TASKS,
} from '../lua/transfer.ts'
import type { Flat } from '../mail/rows.ts'
import { addedTask, attemptFields, recordOf } from '../tasks/record.ts'
import type { RedisTools } from '../tools.ts'

type Of<K extends RecordKind> = Extract<StoreRecord, { kind: K }>
const PIECE = 200

/** Puts records into an empty store that nobody else uses, in the order of `StoreRecord`. */
export function createLoad({ scripts }: RedisTools) {
  const { define } = scripts
  const put: { [K in RecordKind]: (records: Of<K>[]) => Promise<void> } = {
    run: collect(define('orchLoadRuns', [], LOAD_RUNS), 'runs', runInput),
    task: collect(define('orchLoadTasks', [], LOAD_TASKS), 'tasks', taskInput),
    box: collect(define('orchLoadBoxes', [], LOAD_BOXES), 'boxes', boxInput),
    message: collect(define('orchLoadMessages', [MAIL_BASE], LOAD_MESSAGES), 'messages', messageInput),
    pull: collect(define('orchLoadPulls', [], LOAD_PULLS), 'pulls', pullInput),
    event: collect(define('orchLoadEvents', [], LOAD_EVENTS), 'events', eventInput),
  }
  const gates = define<{ after: string; piece: number }, string | undefined>(
    'orchLoadGates',
    [TASK_QUEUE],
    GATES,
  )
  return {
    async put(records: readonly StoreRecord[]): Promise<void> {
      for (const [kind, some] of Map.groupBy(records, (record) => record.kind))
        await put[kind](some as never[])
    },
    /** What hangs together, when all records are there. */
    async finish(): Promise<void> {
      for (let after: string | undefined = '-inf'; after !== undefined; )
        after = await gates({ after, piece: PIECE })
    },
  }
}

/** Texts can be long: one script takes about so many characters. */
const MOST_AT_ONCE = 500_000

function collect<T, I>(script: (input: never) => Promise<unknown>, name: string, input: (record: T) => I) {
  return async (records: T[]) => {
    let batch: I[] = []
    let size = 0
    const send = async () => {
      if (batch.length > 0) await script({ [name]: batch } as never)
      batch = []
      size = 0
    }
    for (const record of records) {
      const one = input(record)
      batch.push(one)
      size += JSON.stringify(one).length
      if (size > MOST_AT_ONCE) await send()
    }
    await send()
  }
}

const runInput = ({ run }: Of<'run'>) => ({
  id: run.id,
  requestId: run.requestId,
  record: JSON.stringify(run),
})

function taskInput({ task, requestId = '', attempts }: Of<'task'>) {
  const { id, runId, spec, state, epoch, lease, updatedAt, notBefore = 0 } = task
  return {
    ...addedTask(runId, task.createdAt, { id, spec }, requestId).input,
    run: runId,
    record: recordOf(task),
    state,
    epoch,
    host: lease?.host ?? '',
    ends: lease?.until ?? 0,
    updatedAt,
    due: notBefore,
    attempts: attempts.map(attemptInput),
  }
}

const attemptInput = (attempt: Attempt) => ({
  epoch: attempt.epoch,
  at: attempt.startedAt,
  agent: attempt.agent,
  fields: attemptFields(attempt),
})

function boxInput({ box }: Of<'box'>) {
  const { name, ...rest } = box
  const texts = Object.entries({ ...rest, open: rest.open ? 1 : 0 }).flatMap(([field, value]) =>
    value === undefined ? [] : [field, Array.isArray(value) ? JSON.stringify(value) : String(value)],
  )
  return { name, open: box.open, runId: box.runId ?? '', fields: texts }
}

function messageInput({ delivery, runId }: Of<'message'>) {
  const { message, state, ordinal, sentAt, notBefore, deliveredAt, acknowledgedAt, answer, reason } = delivery
  const { id, to, from, type, correlationId, audience, expiresAt, retryCount } = message
  const expires = expiresAt === undefined ? undefined : Date.parse(expiresAt)
  const fields = {
    o: ordinal,
    b: to,
    f: from,
    t: type,
    s: state,
    at: sentAt,
    r: runId,
    k: correlationId,
    c: audience === undefined ? undefined : 1,
    e: expires,
    n: retryCount || undefined,
    nb: notBefore,
    d: deliveredAt,
    a: acknowledgedAt,
    ai: answer?.id,
    aa: answer?.at,
    re: reason && JSON.stringify(reason),
  }
  return {
    ...{ id, o: ordinal, to, from, type, state, at: sentAt, text: JSON.stringify(message) },
    ...{
      copy: audience !== undefined,
      request: isRequest(type) && !answer,
      r: runId,
      k: correlationId,
      e: expires,
    },
    fields: flat(fields),
  }
}

const flat = (fields: Record<string, string | number | undefined>): Flat =>
  Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]))

const pullInput = ({ pull }: Of<'pull'>) => ({
  repo: pull.repo,
  number: pull.number,
  head: pull.head,
  open: pull.state === 'open',
  record: JSON.stringify(pull),
})

const eventInput = ({ event }: Of<'event'>) => ({ seq: event.seq, row: eventRow(event) })
