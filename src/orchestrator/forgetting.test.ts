import { expect, test } from 'vitest'
import { realParts } from '../../test/support/parts.ts'
import { claim, PROOF, submit } from '../../test/support/store.ts'
import { forgetOld } from './forgetting.ts'

const DAY_MS = 86_400_000

test('what is older than the settings say is forgotten, and what is open stays', async () => {
  const parts = await realParts()
  const now = parts.clock.now()
  const { store } = parts
  const long = now - 91 * DAY_MS
  await submit(store, { ids: ['t-old'], at: long })
  const { fence } = await claim(store, { now: long })
  await store.tasks.start(fence, long)
  await store.tasks.report(fence, long, { summary: '' })
  await store.tasks.verify(fence, long, PROOF)
  await store.tasks.accept(fence, long)
  await submit(store, { ids: ['t-open'], run: 'r-2', at: long })
  await store.journal.append([{ type: 'daemon.started', at: now - DAY_MS }])
  await forgetOld(parts)
  expect((await store.tasks.list()).map(({ id }) => id)).toEqual(['t-open'])
  expect((await store.journal.read({})).map(({ type }) => type)).toEqual([
    'task.queued',
    'daemon.started',
    'store.pruned',
  ])
  const last = await store.journal.last()
  await forgetOld(parts)
  expect(await store.journal.last()).toBe(last)
})
