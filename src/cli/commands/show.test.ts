import { expect, test } from 'vitest'
import { fakeDaemon, orch, taskDetail } from '../../../test/support/cli.ts'

test('orch show tells what a queued task waits for, and what brings back what has ended', async () => {
  const task = taskDetail({
    state: 'queued',
    labels: ['gpu', 'linux'],
    waitsFor: [
      { id: 't-aaaa00000002', state: 'working', title: 'Schema \u001b[2J' },
      { id: 't-aaaa00000003', state: 'dead', title: 'Parser' },
    ],
  })
  const { state } = await fakeDaemon({ task: async () => task })
  const { out } = await orch(['show', task.id], { state })
  expect(out).toMatch(/comes after +t-aaaa00000002 \(working\) Schema/)
  expect(out).toContain('t-aaaa00000003 (dead: orch retry brings it back) Parser')
  expect(out).toMatch(/needs +gpu, linux\n/)
  expect(out).not.toContain('\u001b')
})
