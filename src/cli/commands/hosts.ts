import type { Command } from 'commander'
import type { Answer } from '../../api/contract.ts'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { type Cell, type Column, table } from '../table.ts'
import { since } from '../time.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, ['orch hosts', 'orch hosts --json'])
  command.action(async () => {
    const answer = await (await cli.connect({ autostart: false })).call('hosts')
    cli.answer('hosts', answer, () => describe(answer, cli))
  })
}

const COLUMNS: Column[] = [
  { title: 'HOST' },
  { title: 'STATE' },
  { title: 'AGENTS', right: true },
  { title: 'LABELS', flexible: true },
  { title: 'PROGRAMS', flexible: true },
  { title: 'VERSION' },
  { title: 'SEEN', right: true },
  { title: 'ADDRESS', flexible: true },
]

function describe({ hosts, fallback }: Answer<'hosts'>, cli: Cli): string {
  const now = cli.world.clock.now()
  const rows = hosts.map((host): Cell[] => [
    `${oneLine(host.name, 70)}${host.here ? ' *' : ''}`,
    { text: host.state, colour: host.state === 'up' ? 'green' : 'yellow' },
    `${host.agents.running}/${host.agents.limit}`,
    oneLine(host.labels.join(','), 200) || '–',
    oneLine(host.drivers.join(','), 200) || '–',
    oneLine(host.version, 30),
    since(host.seenAt, now),
    oneLine(host.address, 200),
  ])
  const alone = fallback
    ? `${cli.paint('yellow', 'warning')} this host is alone: the embedded store is used instead of Redis: ${oneLine(fallback, 500)}\n`
    : ''
  return `${table(COLUMNS, rows, cli.layout())}${alone}`
}
