import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { claim, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { systemClock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'
import { NO_USAGE, type Task } from '../../task/task.ts'
import { usageHandlers } from './usage.ts'

/** Three runs of one task each, begun a second apart from 1,000 on; the clock says 10,000. */
async function three() {
  const store = await openSqliteStore({ file: join(temporaryDirectory(), 'orch.db') })
  onTestFinished(() => store.close())
  for (const n of [1, 2, 3]) {
    await submit(store, { ids: [`t-${n}`], run: `r-${n}` })
    const { fence } = await claim(store, { now: 1_000 * n, leaseMs: 1e6 })
    await store.tasks.progress(fence, { attempt: { usage: { ...NO_USAGE, inputTokens: n, costUsd: n / 4 } } })
  }
  const resolve = async (name: string) => {
    const [task] = await store.tasks.find(name, 1)
    if (!task) throw new OrchError('E_NOT_FOUND', `there is no task ${name}`)
    return task as Task
  }
  const { usage } = usageHandlers({ store, clock: { ...systemClock, now: () => 10_000 } }, { resolve })
  const ask = (query: Partial<Parameters<typeof usage>[0]['query']>) =>
    usage({ query: { by: 'run', limit: 1_000, ...query } })
  const keys = async (query: Parameters<typeof ask>[0]) => (await ask(query)).sums.map(({ key }) => key)
  return { store, ask, keys }
}

test('the newest last, and a total of all', async () => {
  const { ask, keys } = await three()
  expect(await keys({})).toEqual(['r-1', 'r-2', 'r-3'])
  const total = {
    agents: 3,
    withoutCost: 0,
    agentMs: 24_000,
    usage: { ...NO_USAGE, inputTokens: 6, costUsd: 1.5 },
  }
  expect(await ask({ limit: 2 })).toMatchObject({ sums: [{ key: 'r-2' }, { key: 'r-3' }], more: true, total })
  expect(await ask({ limit: 3 })).toMatchObject({ more: false, total })
})

test('of a run, of a task, since a time; the total too', async () => {
  const { ask, keys } = await three()
  expect(await keys({ run: 'r-2', by: 'task' })).toEqual(['t-2'])
  expect(await ask({ task: 't-3', by: 'agent' })).toMatchObject({
    sums: [{ key: 'agent-t-3-1' }],
    total: { agents: 1, usage: { costUsd: 0.75 } },
  })
  expect(await keys({ since: '1970-01-01T00:00:02.000Z' })).toEqual(['r-2', 'r-3'])
  expect(await ask({ since: '2026-01-01T00:00:00Z' })).toEqual({
    by: 'run',
    sums: [],
    more: false,
    total: { agents: 0, withoutCost: 0, agentMs: 0, usage: NO_USAGE },
  })
})

test('a run or a task that is not there is said, and not summed up as nothing', async () => {
  const { ask } = await three()
  await expect(ask({ run: 'r-9' })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  await expect(ask({ task: 't-9' })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})
