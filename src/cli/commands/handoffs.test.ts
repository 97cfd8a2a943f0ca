import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
import type { Checked } from '../../api/contract.ts'
import type { HandoffDetail, HandoffView } from '../../api/verbs/handoffs.ts'
import { OrchError } from '../../errors.ts'
import { handoffSchema } from '../../handoff/handoff.ts'

const commit = 'a'.repeat(40)
const view: HandoffView = {
  id: 'handoff-2f81c09a',
  at: '2026-01-02T03:04:05.000Z',
  from: 't-000000000001',
  to: 't-000000000002',
  goal: 'Mend\u001b[2J it',
  urgency: 'high',
  transfers: true,
  branch: 'orch/audit',
  commit,
  state: 'acknowledged',
  receiver: { title: 'Mend it', profile: 'general', state: 'working' },
}
const detail: HandoffDetail = {
  ...view,
  prompt: 'what it reads',
  package: handoffSchema.parse({
    goal: view.goal,
    context: {
      task: { id: view.from, title: 'Audit', description: 'Look' },
      branch: view.branch,
      commit,
      warnings: ['mind the gap'],
    },
  }),
}

async function daemon(handoffs: HandoffView[]) {
  const asked: Checked<'handoffs'>['query'][] = []
  const { state } = await fakeDaemon({
    handoffs: async ({ query }) => {
      asked.push(query)
      return { handoffs }
    },
    handoff: async ({ params }) => {
      if (params.id === view.id) return detail
      throw new OrchError('E_NOT_FOUND', 'there is no such handoff')
    },
  })
  return { asked, handoffs: (...argv: string[]) => orch(['handoffs', ...argv], { state }) }
}

test('a line for each, without what does not belong on a terminal', async () => {
  const { handoffs, asked } = await daemon([view])
  const { code, out } = await handoffs('--task', 't-0000', '--run', 'r-1', '-n', '7')
  expect(code).toBe(0)
  expect(out).toMatch(
    /handoff-2f81c09a +t-000000000001 → t-000000000002 +general, working +goes on there +Mend it\n/,
  )
  expect(asked).toEqual([{ task: 't-0000', run: 'r-1', limit: 7 }])
})

test('nothing yet, and as JSON', async () => {
  expect((await (await daemon([])).handoffs()).out).toBe('Nothing was handed over yet.\n')
  const { out, err } = await (await daemon([view])).handoffs('--json')
  expect(err).toBe('')
  expect(JSON.parse(out)).toMatchObject({ kind: 'handoffs', handoffs: [{ id: view.id, commit }] })
})

test('show prints the whole package; one that is not there is an error', async () => {
  const { handoffs } = await daemon([])
  const { out } = await handoffs('show', view.id)
  expect(out).toContain('mind the gap')
  expect(out).not.toContain('\u001b')
  expect(JSON.parse((await handoffs('show', view.id, '--json')).out)).toMatchObject({
    kind: 'handoff',
    prompt: 'what it reads',
  })
  expect(await handoffs('show', 'handoff-other')).toMatchObject({ code: 3, out: '' })
})

test.each([
  [['--run', '; rm']],
  [['--task', '$(id)']],
  [['-n', '0']],
  [['-n', 'x']],
  [['show']],
  [['show', '../x']],
])('orch handoffs %j is refused', async (argv) => {
  const { handoffs } = await daemon([])
  expect(await handoffs(...argv)).toMatchObject({ code: 2, out: '' })
})
