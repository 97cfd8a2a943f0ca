import type { TaskEventType } from '../../journal/journal.ts'
import { isHeld, TASK_STATES, type Task, type TaskState } from '../../task/task.ts'
import { STATE_AFTER } from '../state-after.ts'
import type { Database } from './database.ts'
import { MAIL_QUERIES } from './mail/check.ts'

interface TaskFacts {
  id: string
  run_id: string
  repo: string
  state: TaskState
  priority: number
  not_before: number
  host: string | null
  lease_until: number | null
  record: string
  spec: string | null
  attempts: number
  newest: number | null
  open: number | null
  said: TaskEventType | null
}

const ARROWS = Object.keys(STATE_AFTER)
  .map((type) => `'${type}'`)
  .join(', ')

const FACTS = `
  SELECT t.*, s.spec,
    (SELECT count(*) FROM attempts a WHERE a.task_id = t.id) AS attempts,
    (SELECT max(epoch) FROM attempts a WHERE a.task_id = t.id) AS newest,
    (SELECT max(epoch) FROM attempts a WHERE a.task_id = t.id AND ended_at IS NULL) AS open,
    (SELECT type FROM events e WHERE e.task_id = t.id AND +e.type IN (${ARROWS}) ORDER BY seq DESC LIMIT 1) AS said
  FROM tasks t LEFT JOIN specs s USING (ordinal)`

/** What came before it may be of tasks and runs that are forgotten (prune.ts). */
const FORGOTTEN = `(SELECT coalesce(max(seq), 0) FROM events WHERE type = 'store.pruned')`

/** Each finds rows that should not be; its first column is what to name. */
const QUERIES: [what: string, sql: string][] = [
  [
    'run %: the record is not readable',
    `SELECT id FROM runs WHERE NOT json_valid(record) OR record ->> 'id' IS NOT id OR record ->> 'requestId' IS NOT request_id`,
  ],
  [
    'attempt %: the record is not readable, or not of that attempt',
    `SELECT agent FROM attempts WHERE NOT json_valid(record) OR record ->> 'agent' IS NOT agent
      OR record ->> 'taskId' IS NOT task_id OR record ->> 'epoch' IS NOT epoch
      OR record ->> 'endedAt' IS NOT ended_at`,
  ],
  [
    'attempt %: it has ended without an outcome, or has an outcome without an end',
    `SELECT agent FROM attempts WHERE json_valid(record) AND (record ->> 'outcome' IS NULL) <> (ended_at IS NULL)`,
  ],
  [
    'attempt %: it is open, but not the newest of its task',
    `SELECT agent FROM attempts a WHERE ended_at IS NULL
      AND epoch < (SELECT max(epoch) FROM attempts b WHERE b.task_id = a.task_id)`,
  ],
  [
    'task %: the number of tasks that it waits for is wrong',
    'SELECT id FROM tasks t WHERE waits <> (SELECT count(*) FROM gates g WHERE g.dependent = t.ordinal)',
  ],
  [
    'task %: it waits for a task that is accepted',
    `SELECT t.id FROM gates g JOIN tasks t ON t.ordinal = g.dependent JOIN tasks a ON a.id = g.after
      WHERE a.state = 'accepted'`,
  ],
  [
    'event %: the data is not readable',
    'SELECT seq FROM events WHERE data IS NOT NULL AND NOT json_valid(data)',
  ],
  [
    'event %: it is of a task that does not exist',
    `SELECT seq FROM events WHERE task_id IS NOT NULL AND task_id NOT IN (SELECT id FROM tasks) AND seq > ${FORGOTTEN}`,
  ],
  [
    'event %: it is of a run that does not exist',
    `SELECT seq FROM events WHERE run_id IS NOT NULL AND run_id NOT IN (SELECT id FROM runs) AND seq > ${FORGOTTEN}`,
  ],
  [
    'event %: it is of an attempt that does not exist',
    `SELECT seq FROM events e WHERE task_id IS NOT NULL AND e.epoch > 0 AND seq > ${FORGOTTEN}
      AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.task_id = e.task_id AND a.epoch = e.epoch)`,
  ],
  [
    'pull request %: the record is not readable, or not of that pull request',
    `SELECT repo || '#' || number FROM pull_requests WHERE NOT json_valid(record) OR record ->> 'number' IS NOT number
      OR record ->> 'repo' IS NOT repo OR record ->> 'head' IS NOT head OR record ->> 'state' IS NOT state
      OR state NOT IN ('open', 'merged', 'closed')`,
  ],
]

/** Enough to see what is wrong, even when everything is. */
const MOST_FINDINGS = 100

/** What is wrong with the file and with what is written in it, in sentences. Empty = sound. */
export function checkDatabase(db: Database): string[] {
  const findings: string[] = []
  try {
    for (const finding of everything(db)) if (findings.push(finding) >= MOST_FINDINGS) break
  } catch (error) {
    findings.push(`cannot be read on: ${(error as Error).message}`)
  }
  return findings
}

function* everything(db: Database): Generator<string> {
  for (const row of db.all<Record<string, string>>(`PRAGMA integrity_check(${MOST_FINDINGS})`)) {
    if (row.integrity_check !== 'ok') yield `file: ${row.integrity_check}`
  }
  for (const row of db.all<{ table: string; parent: string }>('PRAGMA foreign_key_check')) {
    yield `file: a row of ${row.table} refers to nothing in ${row.parent}`
  }
  for (const facts of db.each<TaskFacts>(FACTS)) yield* checkTask(facts)
  for (const [what, sql] of [...QUERIES, ...MAIL_QUERIES]) {
    for (const row of db.each<Record<string, string | number>>(sql)) {
      yield what.replace('%', String(Object.values(row)[0]))
    }
  }
}

function* checkTask(facts: TaskFacts): Generator<string> {
  const task = readTask(facts)
  if (!task) return yield `task ${facts.id}: the record is not readable`
  const say = (what: string) => `task ${facts.id}: ${what}`
  if (!TASK_STATES.includes(facts.state)) return yield say(`unknown state ${facts.state}`)
  for (const field of differences(facts, task)) yield say(`the record and the index differ in ${field}`)
  if (facts.attempts !== task.epoch || (facts.newest ?? 0) !== task.epoch) {
    yield say(
      `it is at attempt ${task.epoch}, but ${facts.attempts} are recorded, up to ${facts.newest ?? 0}`,
    )
  }
  yield* checkHold(facts, task, say)
  if ((facts.state === 'waiting') !== (task.waitingFor !== undefined))
    yield say('waits for nothing that is named')
  if (['verified', 'accepted'].includes(facts.state) && !task.proof)
    yield say(`${facts.state} without a proof`)
  const said = facts.said && STATE_AFTER[facts.said]
  if (said && said !== facts.state) yield say(`it is ${facts.state}, but the journal says ${facts.said} last`)
}

function* checkHold(facts: TaskFacts, task: Task, say: (what: string) => string): Generator<string> {
  if (isHeld(facts.state)) {
    if (!task.lease) yield say(`${facts.state} without a lease`)
    if (facts.open !== task.epoch) yield say(`${facts.state} without an open attempt`)
    return
  }
  if (task.lease) yield say(`${facts.state}, but ${task.lease.host} holds a lease`)
  if (facts.open !== null) yield say(`${facts.state}, but attempt ${facts.open} has not ended`)
}

function readTask({ record, spec }: TaskFacts): Task | undefined {
  try {
    return { ...JSON.parse(record), spec: JSON.parse(spec ?? '') }
  } catch {
    return undefined
  }
}

function differences(facts: TaskFacts, task: Task): string[] {
  const pairs = {
    id: [facts.id, task.id],
    run: [facts.run_id, task.runId],
    repo: [facts.repo, task.spec.repo],
    state: [facts.state, task.state],
    priority: [facts.priority, task.spec.priority],
    'the time it is due': [facts.not_before, task.notBefore ?? 0],
    host: [facts.host, task.lease?.host ?? null],
    'the end of the lease': [facts.lease_until, task.lease?.until ?? null],
  }
  return Object.entries(pairs).flatMap(([field, [column, value]]) => (column === value ? [] : [field]))
}
