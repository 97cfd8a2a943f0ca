import type { RunView, TaskView } from '../../api/contract.ts'
import { oneLine } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { colourOf } from '../style.ts'
import { type Cell, table } from '../table.ts'
import { isFinal } from '../task-lines.ts'
import { since } from '../time.ts'

/** What `orch run` says at its end. */

const COLUMNS = [
  { title: 'TASK' },
  { title: 'RESULT' },
  { title: 'PR', right: true },
  { title: 'TOOK', right: true },
  { title: 'TITLE', flexible: true },
]

export function resultText(run: RunView, cli: Cli): string {
  const rows = run.tasks.map((task): Cell[] => [
    task.id,
    {
      text: task.state === 'accepted' ? 'accepted' : `not accepted (${task.state})`,
      colour: colourOf(task.state),
    },
    task.pullRequest ? `#${task.pullRequest.number}` : '–',
    since(task.createdAt, Date.parse(task.updatedAt)),
    oneLine(task.title, 200),
  ])
  const why = run.tasks
    .filter((task) => task.state !== 'accepted' && task.reason)
    .map((task) => `${task.id}: ${oneLine(task.reason?.message ?? '', 400)}\n`)
  const reasons = why.length > 0 ? `\nNot accepted, because:\n${why.join('')}` : ''
  return `${table(COLUMNS, rows, cli.layout())}${reasons}${next(commands(run.tasks))}`
}

function commands(tasks: TaskView[]): [string, string][] {
  const good = tasks.find((task) => task.pullRequest && task.state === 'accepted')
  const bad = tasks.find((task) => task.state !== 'accepted')
  const number = good?.pullRequest?.number
  return [
    ...(number === undefined
      ? []
      : ([
          [`orch pr diff ${number}`, 'what was changed'],
          [`orch pr merge ${number}`, `bring it into ${oneLine(good?.base ?? 'its base', 60)}`],
        ] as [string, string][])),
    ...(bad
      ? ([
          [`orch logs ${bad.id}`, 'what its agent printed'],
          [`orch retry ${bad.id}`, 'try it again'],
        ] as [string, string][])
      : []),
  ]
}

export function detachedText(run: RunView, cli: Cli): string {
  const rows = run.tasks.map((task): Cell[] => [
    task.id,
    { text: task.state, colour: colourOf(task.state) },
    oneLine(task.title, 200),
  ])
  const columns = [{ title: 'TASK' }, { title: 'STATE' }, { title: 'TITLE', flexible: true }]
  return `${table(columns, rows, cli.layout())}${next(following(run.tasks))}`
}

/** After Ctrl-C: nothing was ended. */
export const workingOnText = (run: RunView) =>
  `\nThe agents work on.\n${next(following(run.tasks.filter((task) => !isFinal(task)))).trimEnd()}`

function following(tasks: TaskView[]): [string, string][] {
  const id = tasks[0]?.id
  return [
    ['orch status --watch', 'see all tasks'],
    ...(id
      ? ([
          [`orch logs -f ${id}`, 'what its agent prints'],
          [`orch attach ${id}`, 'go before its screen'],
          [`orch cancel ${tasks.length > 5 ? id : tasks.map((task) => task.id).join(' ')}`, 'end it'],
        ] as [string, string][])
      : []),
  ]
}

function next(lines: [command: string, what: string][]): string {
  if (lines.length === 0) return ''
  const width = Math.max(...lines.map(([command]) => command.length))
  return `\nNext:\n${lines.map(([command, what]) => `  ${command.padEnd(width)}   ${what}\n`).join('')}`
}
