import type { Command } from 'commander'
import type { Answer } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { type Cell, type Column, table } from '../table.ts'
import { duration } from '../time.ts'

type Usage = Answer<'usage'>
type By = Usage['by']

interface Options {
  run?: string
  task?: string
  by?: By
  since?: string
}

const KEYS = ['agent', 'task', 'run', 'profile', 'driver', 'day'] as const satisfies By[]

export function define(command: Command, cli: Cli): void {
  command.option('--run <id>', 'only one run').option('--task <task>', 'only one task')
  command.addOption(
    command
      .createOption('--by <what>', 'a line for each (default: run; task with --run; agent with --task)')
      .choices(KEYS),
  )
  command.option('--since <time>', 'only agents that began then or later: 30m, 12h, 7d, a date, a time')
  examples(command, [
    'orch usage',
    'orch usage --by day --since 7d',
    'orch usage --run r-4kq8a0000001 --by driver',
    'orch usage --task t-4kq8a0000001',
    'orch usage --by profile --json',
  ])
  command.action(async (options: Options) => {
    const { run, task, since } = options
    const by = options.by ?? (task ? 'agent' : run ? 'task' : 'run')
    const from = since === undefined ? undefined : readSince(since, cli.world.clock.now())
    const client = await cli.connect()
    const usage = await client.call('usage', {
      query: { by, run, task, ...(from !== undefined && { since: new Date(from).toISOString() }) },
    })
    cli.answer('usage', usage, () => describe(usage, cli))
  })
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/

/**
 * `7d`, or a date or time of ISO 8601, in the person's own time zone when it names none; in ms since the epoch.
 * @throws OrchError E_USAGE
 */
export function readSince(text: string, now: number): number {
  const [, number, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  if (number && unit) return Math.max(0, now - Number(number) * UNITS[unit as keyof typeof UNITS])
  const time = DATE.test(text) ? `${text}T00:00` : text
  const at = TIME.test(time) ? Date.parse(time.replace(' ', 'T')) : Number.NaN
  if (at >= 0) return at
  throw new OrchError('E_USAGE', `--since needs a time, not ${JSON.stringify(oneLine(text, 40))}`, {
    fix: 'Name how long ago (30m, 12h, 7d), a date (2026-11-20) or a time (2026-11-20T14:30).',
  })
}

const FIGURES: Column[] = [
  'AGENTS',
  'IN',
  'OUT',
  'CACHE READ',
  'CACHE WRITE',
  'COST',
  'TURNS',
  'TOOLS',
  'TIME',
].map((title) => ({ title, right: true }))

function describe(usage: Usage, cli: Cli): string {
  const { by, sums, total, more } = usage
  if (total.agents === 0) return 'No agent has worked yet.\n'
  const rows = sums.map((sum) => [oneLine(sum.key, 80), ...figures(sum)])
  const columns = [{ title: by.toUpperCase(), flexible: true }, ...FIGURES]
  const list = table(columns, [...rows, ['total', ...figures(total)]], cli.layout())
  return `${more ? `The newest ${sums.length}; the total is of all.\n` : ''}${list}${unknownCost(total)}`
}

function figures({ agents, agentMs, usage }: Usage['total']): Cell[] {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, turns, toolCalls, costUsd } = usage
  const numbers = (all: number[]) => all.map((it) => it.toLocaleString('en'))
  return [
    ...numbers([agents, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens]),
    costUsd === undefined ? '–' : `$${costUsd.toFixed(2)}`,
    ...numbers([turns, toolCalls]),
    duration(agentMs),
  ]
}

/** A sum without what nobody told is not the cost. */
function unknownCost({ agents, withoutCost }: Usage['total']): string {
  if (withoutCost === 0) return ''
  return `\nCost: ${count(withoutCost, 'agent')} of ${agents} told none; it is missing from the sum.\n`
}
