import type { PullRequestDetail, PullRequestView } from '../api/contract.ts'
import { oneLine, plainText } from '../text.ts'
import type { Cli } from './cli.ts'
import type { Colour, Paint } from './style.ts'
import { facts, type TableOptions, table } from './table.ts'
import { dayTime } from './time.ts'

/** Pull requests as people read them. */

const COLOURS: Record<string, Colour> = { open: 'green', merged: 'magenta', closed: 'red' }
const CHECKS: Record<string, Colour> = { success: 'green', failure: 'red', pending: 'yellow' }

export function pullTable(pulls: PullRequestView[], options: TableOptions): string {
  if (pulls.length === 0) return 'no pull requests\n'
  const columns = [
    { title: 'PR', right: true },
    { title: 'STATE' },
    { title: 'TASK' },
    { title: 'INTO' },
    { title: 'TITLE', flexible: true },
  ]
  const rows = pulls.map((pull) => [
    `#${pull.number}`,
    { text: pull.state, colour: COLOURS[pull.state] },
    pull.taskId ?? '',
    oneLine(pull.base, 60),
    oneLine(pull.title, 200),
  ])
  return table(columns, rows, options)
}

export function pullDetail(pull: PullRequestDetail, options: TableOptions): string {
  const { paint } = options
  const head = `${paint('bold', `#${pull.number} ${oneLine(pull.title, 300)}`)}\n`
  const known = facts(
    [
      ['state', paint(COLOURS[pull.state], pull.state)],
      ['branch', `${plainText(pull.head)} into ${plainText(pull.base)}`],
      ['head', pull.headCommit],
      ['merged as', pull.mergeCommit],
      ['task', pull.taskId],
      ['by', `${oneLine(pull.author, 100)}, ${dayTime(pull.createdAt)}`],
      ['url', pull.forge === 'local' ? undefined : plainText(pull.url)],
      ['text', plainText(pull.body).trim()],
    ],
    paint,
  )
  return head + known + checks(pull, options) + files(pull, options)
}

function checks({ checks: all }: PullRequestDetail, options: TableOptions): string {
  if (all.length === 0) return ''
  const columns = [
    { title: 'CHECK' },
    { title: 'STATE' },
    { title: 'REQUIRED' },
    { title: 'SUMMARY', flexible: true },
  ]
  const rows = all.map((check) => [
    oneLine(check.name, 60),
    { text: check.state, colour: CHECKS[check.state] },
    check.required ? 'yes' : 'no',
    oneLine(check.summary ?? '', 200),
  ])
  return `\n${table(columns, rows, options)}`
}

function files({ files: all }: PullRequestDetail, options: TableOptions): string {
  if (all.length === 0) return ''
  const columns = [
    { title: 'ADDED', right: true },
    { title: 'REMOVED', right: true },
    { title: 'FILE', flexible: true },
  ]
  const rows = all.map((file) => [
    { text: `+${file.additions}`, colour: 'green' as const },
    { text: `−${file.deletions}`, colour: 'red' as const },
    oneLine(file.path, 1_000),
  ])
  return `\n${table(columns, rows, options)}`
}

/** On a terminal safe and coloured; elsewhere exactly as git made it, so that it can be applied. */
export function diffText(diff: string, { world, paint }: Pick<Cli, 'world' | 'paint'>): string {
  if (!world.environment.stdoutTty) return diff
  return plainText(diff)
    .split('\n')
    .map((line) => paintLine(line, paint))
    .join('\n')
}

function paintLine(line: string, paint: Paint): string {
  if (/^(diff |index |\+\+\+ |--- )/.test(line)) return paint('bold', line)
  if (line.startsWith('@@')) return paint('cyan', line)
  return paint(line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : undefined, line)
}
