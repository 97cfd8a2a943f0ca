import { expect, it } from 'vitest'
import type { OutputReader } from '../agent/agent.ts'
import type { JournalEvent } from '../journal/journal.ts'
import { type Attempt, NO_USAGE } from '../task/task.ts'
import { createHearings, isUnheard } from './hearing.ts'

const attempt: Attempt = {
  taskId: 't-1',
  runId: 'r-1',
  epoch: 2,
  agent: 'a',
  host: 'local',
  startedAt: 0,
  usage: NO_USAGE,
  cursor: { out: 0, log: 0 },
}
const said = (epoch: number): JournalEvent => ({ seq: 1, type: 'agent.said', at: 0, taskId: 't-1', epoch })
const reader = (heard?: () => number | undefined): OutputReader => ({
  line: () => ({ events: [] }),
  outcome: () => undefined,
  ...(heard && { heard }),
})

it('counts on from the words that the journal has of this attempt', async () => {
  const hearings = createHearings({ read: async () => [said(1), said(2), said(2)] })
  expect(await hearings.of(attempt)).toEqual({ said: 2, over: false })
})

it('is one and the same until it is forgotten', async () => {
  const hearings = createHearings({ read: async () => [] })
  const [one, other] = await Promise.all([hearings.of(attempt), hearings.of(attempt)])
  expect(other).toBe(one)
  hearings.forget({ taskId: 't-1', epoch: 1 })
  expect(await hearings.of(attempt)).toBe(one)
  hearings.forget(attempt)
  expect(await hearings.of(attempt)).not.toBe(one)
})

it('asks again after the journal could not be read', async () => {
  let reads = 0
  const hearings = createHearings({
    read: async () => {
      if (reads++ === 0) throw new Error('busy')
      return []
    },
  })
  await expect(hearings.of(attempt)).rejects.toThrow('busy')
  expect(await hearings.of(attempt)).toMatchObject({ said: 0 })
})

it.each([
  ['less than was said', 1, true],
  ['all', 2, false],
  ['more, from before the last daemon was killed', 3, false],
  ['nobody knows how much', undefined, false],
])('a program that heard %s', (_, heard, unheard) => {
  const hearing = { said: 2, over: false }
  expect(
    isUnheard(
      hearing,
      reader(() => heard),
    ),
  ).toBe(unheard)
})

it('a program that never tells ends as it says', () => {
  expect(isUnheard({ said: 1, over: false }, reader())).toBe(false)
})
