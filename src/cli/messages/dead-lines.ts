import type { DeadGroupView, DeadLetterDetail, DeadLetterView } from '../../api/contract.ts'
import { oneLine, plainText } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { facts, table } from '../table.ts'
import { dayTime } from '../time.ts'
import { messageDetail } from './lines.ts'

/** Dead letters as people read them. */

const cell = (text: string, max = 200) => oneLine(text, max)

/** What they died of, then each of the newest. */
export function deadText(
  groups: DeadGroupView[],
  letters: DeadLetterView[],
  lines: number,
  cli: Cli,
): string {
  if (letters.length === 0) return 'there are no dead letters\n'
  const shown = letters.toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, lines)
  const more =
    letters.length > shown.length ? `${letters.length - shown.length} older ones: -n ${letters.length}\n` : ''
  return `${groupTable(groups, cli)}\n${letterTable(shown, cli)}${more}`
}

function groupTable(groups: DeadGroupView[], cli: Cli): string {
  const columns = [
    { title: 'COUNT', right: true },
    { title: 'REASON' },
    { title: 'TYPE' },
    { title: 'TO' },
    { title: 'LATEST' },
    { title: 'WHAT IT SAID', flexible: true },
  ]
  const rows = groups.map(({ count, code, type, to, latest, message }) => [
    `${count}`,
    cell(code, 60),
    cell(type, 60),
    cell(to, 64),
    dayTime(latest),
    cell(message, 300),
  ])
  return table(columns, rows, cli.layout())
}

function letterTable(letters: DeadLetterView[], cli: Cli): string {
  const columns = [{ title: 'ID' }, { title: 'AT' }, { title: 'REASON' }, { title: 'ABOUT', flexible: true }]
  const rows = letters.map(({ id, at, reason, about }) => [
    cell(id, 130),
    dayTime(at),
    cell(reason.code, 60),
    cell(about),
  ])
  return table(columns, rows, cli.layout())
}

/** Everything that is known of one, and what can be done. */
export async function deadDetail(letter: DeadLetterDetail, cli: Cli): Promise<string> {
  const { id, delivery, task } = letter
  const change = task ? `orch dead edit ${id} --say "…"` : `orch dead edit ${id} --payload '{…}'`
  const then = `\nthen: ${change}; orch dead redrive ${id}; orch dead drop ${id}\n`
  if (delivery) return `${await messageDetail(delivery, cli)}${then}`
  const lines = facts(
    [
      ['task', `${id} of run ${letter.runId ?? '?'}`],
      ['title', cell(letter.about)],
      ['why', plainText(`${letter.reason.message} (${letter.reason.code})`)],
      ['profile', letter.to],
      ['since', dayTime(letter.at)],
      ['tries', task && `${task.used} of ${task.tries}`],
    ],
    cli.paint,
  )
  return `${lines}${then}`
}
