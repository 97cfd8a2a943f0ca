import { expect, it } from 'vitest'
import type { JournalEvent } from '../../journal/journal.ts'
import { type Attempt, NO_USAGE } from '../../task/task.ts'
import { createHearings, type Hearing, newHearing, unheard } from './hearing.ts'

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
const event = (type: JournalEvent['type'], data: Record<string, unknown>, epoch = 2): JournalEvent => ({
  seq: 1,
  type,
  at: 0,
  taskId: 't-1',
  epoch,
  data,
})
const said = (id: string, epoch?: number) => event('agent.said', { id, text: `text ${id}` }, epoch)
const recalled = (...events: JournalEvent[]) => createHearings({ read: async () => events }).of(attempt)

it('counts on from the words that the journal has of this attempt', async () => {
  expect(await recalled(said('old', 1), said('a'), said('b'))).toMatchObject({
    words: [
      { id: 'a', text: 'text a' },
      { id: 'b', text: 'text b' },
    ],
    over: false,
  })
})

it('knows of interrupts, of processes that went on, and of answered questions', async () => {
  const interrupted = event('agent.interrupted', { id: 'i', turn: 1, words: 1 })
  expect((await recalled(said('a'), interrupted)).interrupt).toEqual({ id: 'i', turn: 1, words: 1 })
  const continued = event('agent.continued', { turn: 2, wordsBefore: 1 })
  expect((await recalled(continued)).before).toEqual({ turn: 2, words: 1 })
  const quota = event('task.waiting', { for: 'quota' })
  expect((await recalled(quota, continued)).pausedTurn).toBe(1)
  expect((await recalled(continued, quota)).pausedTurn).toBe(2)
  const { permitted } = await recalled(event('agent.permitted', { question: 'q' }))
  expect([...permitted]).toEqual(['q'])
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
  expect(await hearings.of(attempt)).toMatchObject({ words: [] })
})

const hearing: Hearing = {
  ...newHearing(),
  words: ['a', 'b', 'c'].map((id) => (id === 'c' ? { id, text: id } : { id, text: id, written: true })),
}
it.each([
  ['nothing yet', 0, new Set<string>(), true, ['a', 'b', 'c']],
  ['the first as a prompt', 1, new Set<string>(), true, ['b', 'c']],
  ['one as a prompt and one by itself', 1, new Set(['b']), true, ['c']],
  ['the last by itself', 0, new Set(['c']), true, ['a', 'b']],
  ['nobody knows what, on its standard input', 1, undefined, true, ['c']],
  ['only prompts', 2, undefined, false, ['c']],
] as const)('an agent that was given %s', (_, given, heard, tells, left) => {
  expect(unheard(hearing, given, heard, tells).map(({ id }) => id)).toEqual(left)
})
