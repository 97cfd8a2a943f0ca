import { expect, test } from 'vitest'
import { claim, PROOF, SPEC, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'
import { waitsForOf } from './gate-view.ts'

test('a queued task waits for those that are not accepted yet, in the order of asking', async () => {
  const store = await openSqliteStore({ file: `${temporaryDirectory()}/orch.db` })
  await submit(store, { ids: ['t-a', 't-b'] })
  await submit(store, { ids: ['t-c'], run: 'r-2', spec: { after: ['t-b', 't-a'] } })
  const task = async () => (await store.tasks.get('t-c'))!
  const title = SPEC.title
  expect(await waitsForOf({ store }, await task())).toEqual([
    { id: 't-b', state: 'queued', title },
    { id: 't-a', state: 'queued', title },
  ])
  for (const at of [1, 2]) {
    const { fence } = await claim(store)
    await store.tasks.start(fence, at)
    await store.tasks.report(fence, at, { summary: '' })
    await store.tasks.verify(fence, at, PROOF)
    await store.tasks.accept(fence, at)
    const open = at === 1 ? [{ id: 't-b', state: 'queued', title }] : undefined
    expect(await waitsForOf({ store }, await task())).toEqual(open)
  }
  await store.close()
})
