import type { TaskView } from '../api/contract.ts'
import { oneLine } from '../text.ts'
import { colourOf } from './style.ts'
import { type Cell, type Column, type TableOptions, table } from './table.ts'
import { since } from './time.ts'

/** Tasks as people read them. */

const FINAL: ReadonlySet<TaskView['state']> = new Set(['accepted', 'dead', 'cancelled'])
/** Whether a task stays as it is until a person says otherwise. */
export const isFinal = (task: Pick<TaskView, 'state'>): boolean => FINAL.has(task.state)

/** The state, with what a person wants to know beside it: what is waited for, when it goes on. */
export function stateText(task: TaskView, now: number): string {
  if (task.state === 'waiting') {
    const until = task.resetAt ? ` until ${task.resetAt}` : ''
    return `waiting for ${task.waitingFor ?? 'something'}${until}`
  }
  const pause = task.notBefore ? Date.parse(task.notBefore) - now : 0
  if (task.state === 'queued' && task.used > 0)
    return pause > 0 ? `again in ${Math.ceil(pause / 1_000)}s` : 'queued again'
  return task.state
}

export const pullText = (task: TaskView) => (task.pullRequest ? `#${task.pullRequest.number}` : '')

const COLUMNS: Column[] = [
  { title: 'TASK' },
  { title: 'STATE' },
  { title: 'TRY', right: true },
  { title: 'AGE', right: true },
  { title: 'PR', right: true },
  { title: 'TITLE', flexible: true },
]

/** One line a task; with the repository when they are of several, and with the host when they are on several. */
export function taskTable(tasks: TaskView[], now: number, options: TableOptions): string {
  const several = new Set(tasks.map((task) => task.repo)).size > 1
  const hosts = new Set(tasks.flatMap(({ host }) => host ?? [])).size > 1
  const columns = [
    ...COLUMNS,
    ...(hosts ? [{ title: 'HOST' }] : []),
    ...(several ? [{ title: 'REPOSITORY', flexible: true }] : []),
  ]
  const rows = tasks.map((task): Cell[] => [
    task.id,
    { text: stateText(task, now), colour: colourOf(task.state) },
    `${task.attempt}`,
    since(task.createdAt, now),
    pullText(task),
    oneLine(task.title, 200),
    ...(hosts ? [oneLine(task.host ?? '', 70)] : []),
    ...(several ? [oneLine(task.repo, 300)] : []),
  ])
  return table(columns, rows, options)
}
