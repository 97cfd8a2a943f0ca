import type { Command } from 'commander'
import type { HandoffDetail, HandoffView } from '../../api/verbs/handoffs.ts'
import { oneLine, plainText } from '../../text.ts'
import { examples, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { payloadText } from '../messages/lines.ts'
import { facts, table } from '../table.ts'
import { dayTime } from '../time.ts'

interface Options {
  run?: string
  task?: string
  lines: number
}

export function define(command: Command, cli: Cli): void {
  command.option('--run <run>', 'of this run')
  command.option('--task <task>', 'that this task gave or got')
  command.option('-n, --lines <n>', 'how many of the latest', whole('--lines', { min: 1 }), 50)
  command.option('--json', 'print one JSON document (docs/json.md)')
  examples(command, [
    'orch handoffs',
    'orch handoffs --task t-4kq8',
    'orch handoffs --run r-1xz --json',
    'orch handoffs show handoff-2f81c09a',
  ])
  command.action(async ({ run, task, lines }: Options) => {
    const { handoffs } = await (await cli.connect()).call('handoffs', { query: { run, task, limit: lines } })
    cli.answer('handoffs', { handoffs }, () => listText(handoffs, cli))
  })
  const show = command
    .command('show')
    .description('show the whole package of a handoff')
    .argument('<handoff>', 'its id; or a task or an agent that got one')
  examples(show, ['orch handoffs show handoff-2f81c09a', 'orch handoffs show t-4kq8 --json'])
  show.action(async (id: string) => {
    const handoff = await (await cli.connect()).call('handoff', { params: { id } })
    const text = await detailText(handoff, cli)
    cli.answer('handoff', handoff, () => text)
  })
}

function listText(handoffs: HandoffView[], cli: Cli): string {
  if (handoffs.length === 0) return 'Nothing was handed over yet.\n'
  const rows = handoffs.map((it) => [
    dayTime(it.at),
    it.id,
    `${it.from} → ${it.to}`,
    it.receiver ? `${it.receiver.profile}, ${it.receiver.state}` : 'gone',
    it.transfers ? 'goes on there' : 'a part',
    oneLine(it.goal, 120),
  ])
  const columns = ['AT', 'HANDOFF', 'FROM → TO', 'RECEIVER', 'WORK', 'GOAL']
  return table(
    columns.map((title) => ({ title, flexible: title === 'GOAL' })),
    rows,
    cli.layout(),
  )
}

async function detailText(handoff: HandoffDetail, { paint }: Cli): Promise<string> {
  const { id, from, to, at, readAt, urgency, receiver, transfers, branch, commit } = handoff
  const known = facts(
    [
      ['handoff', id],
      ['way', `${from} → ${to}`],
      ['receiver', receiver && plainText(`${receiver.title} (${receiver.profile}, ${receiver.state})`)],
      ['work', transfers ? "the sender's work goes on there" : 'a part; the sender brings its own'],
      ['urgency', urgency],
      ['starts from', plainText(`${commit} (${branch})`)],
      ['at', dayTime(at)],
      ['read', readAt && dayTime(readAt)],
    ],
    paint,
  )
  return `${known}\n${await payloadText(handoff.package)}\n`
}
