import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
import type { Answer, Checked } from '../../api/contract.ts'
import { readSince } from './usage.ts'

type Sum = Answer<'usage'>['sums'][number]

const sum = (key: string, more: Partial<Sum> = {}, costUsd?: number): Sum => ({
  key,
  agents: 2,
  withoutCost: 0,
  agentMs: 192_000,
  usage: {
    inputTokens: 1_234_567,
    outputTokens: 89,
    cacheReadTokens: 5_000,
    cacheWriteTokens: 60,
    turns: 7,
    toolCalls: 31,
    ...(costUsd !== undefined && { costUsd }),
  },
  ...more,
})

async function daemonWith(answer: Partial<Answer<'usage'>>) {
  const asked: Checked<'usage'>['query'][] = []
  const { key: _, ...total } = sum('', { agents: 5, withoutCost: 3 }, 1.5)
  const daemon = await fakeDaemon({
    usage: async ({ query }) => {
      asked.push(query)
      return { by: query.by, sums: [], total, more: false, ...answer }
    },
  })
  return { asked, usage: (...argv: string[]) => orch(['usage', ...argv], { state: daemon.state }) }
}

test('a line for each, a total, and how many told no cost', async () => {
  const { usage } = await daemonWith({ sums: [sum('r-a', { withoutCost: 2 }), sum('r-b', {}, 0.256)] })
  const { code, out, err } = await usage()
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const [head, first, second, total, , note] = out.split('\n')
  expect(head).toMatch(/^RUN +AGENTS +IN +OUT +CACHE READ +CACHE WRITE +COST +TURNS +TOOLS +TIME$/)
  expect(first).toMatch(/^r-a +2 +1,234,567 +89 +5,000 +60 +– +7 +31 +3m12s$/)
  expect(second).toMatch(/^r-b .* \$0\.26 /)
  expect(total).toMatch(/^total +5 .* \$1\.50 /)
  expect(note).toBe('Cost: 3 agents of 5 told none; it is missing from the sum.')
})

test.each<[string[], object]>([
  [[], { by: 'run' }],
  [['--run', 'r-a'], { by: 'task', run: 'r-a' }],
  [['--task', 'general-a-1'], { by: 'agent', task: 'general-a-1' }],
  [['--run', 'r-a', '--by', 'driver'], { by: 'driver', run: 'r-a' }],
  [['--by', 'day', '--since', '2026-11-20T14:30Z'], { by: 'day', since: '2026-11-20T14:30:00.000Z' }],
])('orch usage %j', async (argv, query) => {
  const { asked, usage } = await daemonWith({})
  expect((await usage(...argv)).code).toBe(0)
  expect(asked).toEqual([{ limit: 1_000, ...query }])
})

test('--json is what the API told', async () => {
  const { usage } = await daemonWith({ sums: [sum('r-a')] })
  const { out } = await usage('--json')
  const document = JSON.parse(out)
  expect(document).toMatchObject({
    kind: 'usage',
    by: 'run',
    more: false,
    total: { agents: 5, withoutCost: 3 },
  })
  expect(document.sums).toEqual([sum('r-a')])
})

test('nothing yet; and more than is shown', async () => {
  const none = { agents: 0, withoutCost: 0, agentMs: 0, usage: sum('').usage }
  expect((await (await daemonWith({ total: none })).usage()).out).toBe('No agent has worked yet.\n')
  const { usage } = await daemonWith({ sums: [sum('r-a')], more: true })
  expect((await usage()).out).toMatch(/^The newest 1; the total is of all\.\n/)
})

test.each([
  ['--by', 'hour'],
  ['--since', 'yesterday'],
  ['--since', '7w'],
  ['--since', '2026-13-45'],
  ['--run', '; rm'],
  ['--task', '$(id)'],
])('%s %s is refused', async (...argv) => {
  const { usage } = await daemonWith({})
  expect(await usage(...argv)).toMatchObject({ code: 2, out: '' })
})

test('how long ago, a date or a time', () => {
  const now = Date.UTC(2026, 10, 21, 12)
  expect(readSince('90m', now)).toBe(now - 5_400_000)
  expect(readSince('12h', now)).toBe(now - 12 * 3_600_000)
  expect(readSince('7d', now)).toBe(now - 7 * 86_400_000)
  expect(readSince('999999d', now)).toBe(0)
  expect(readSince('2026-11-20', now)).toBe(new Date(2026, 10, 20).getTime())
  expect(readSince('2026-11-20 14:30', now)).toBe(new Date(2026, 10, 20, 14, 30).getTime())
  expect(readSince('2026-11-20T14:30:00+02:00', now)).toBe(Date.UTC(2026, 10, 20, 12, 30))
})
