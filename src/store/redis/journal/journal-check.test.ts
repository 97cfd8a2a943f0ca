import { expect, it } from 'vitest'
import { makeUp } from '../../../../test/support/made-up-store.ts'
import { redisHere } from '../../../../test/support/redis-here.ts'
import { claim, submit } from '../../../../test/support/store.ts'
import { temporaryDirectory } from '../../../../test/support/temporary.ts'
import { openSqliteStore } from '../../sqlite/sqlite.ts'
import type { Store } from '../../store.ts'

const redis = redisHere()
const { open, newCluster } = redis

it.each([
  [['xadd', 'journal', '99-1', 'x', 'y'], 'event 99: it is not readable'],
  [['xadd', 'journal', '99-0', ...row('note', '5', '', '', '', '{')], 'event 99: the data is not readable'],
  [
    ['xadd', 'journal', '99-0', ...row('note', '5', '', '', '', '')],
    'journal: it goes on to 99, but counts only up to 3',
  ],
  [
    ['xadd', 'journal', '99-0', ...row('note', '5', '', '', '', '')],
    'event 99: the index type:note has it not',
  ],
  [['xadd', 'journal', '99-0', ...row('note', '', '', '', '', '')], 'event 99: it has no time'],
  [
    ['xadd', 'journal', '99-0', ...row('note', '5', 'r-9', '', '', '')],
    'event 99: it is of a run that does not exist',
  ],
  [
    ['xadd', 'journal', '99-0', ...row('note', '5', '', 't-9', '', '')],
    'event 99: it is of a task that does not',
  ],
  [
    ['xadd', 'journal', '99-0', ...row('note', '5', '', 't-a', '7', '')],
    'event 99: it is of an attempt that does',
  ],
  [['rpop', 'journal:task:t-a'], 'event 3: the index task:t-a has it not'],
  [['del', 'journal:run:r-1'], 'event 1: the index run:r-1 has it not'],
  [['xdel', 'journal', '3-0'], 'task t-a: it is leased, but the journal says task.queued last'],
] as const)('finds what %j did', async ([command, key, ...rest], finding) => {
  const cluster = newCluster()
  const store = await open(cluster)
  await submit(store, { ids: ['t-a'] })
  await claim(store)
  expect(await store.upkeep.check()).toEqual([])
  await redis.raw.call(command, `{${cluster}}:${key}`, ...rest)
  expect((await store.upkeep.check()).join('\n')).toContain(finding)
  await store.close()
})

it.each([
  [['hset', 'pulls:/r', '1', '{'], 'pull request /r#1: the record is not readable'],
  [['hset', 'pulls:/r', '1', '{"repo":"/r","number":2,"state":"open"}'], 'not of that pull request'],
  [['hdel', 'pulls:/r', '1'], 'pull request /r#1: it is not there'],
  [['hdel', 'pulls-open:/r', 'a'], 'pull request /r#1: it is open, but not found by its branch'],
] as const)('finds what %j did', async ([command, key, ...rest], finding) => {
  const cluster = newCluster()
  const store = await open(cluster)
  for (const head of ['a', 'b'])
    await store.pulls.open(
      '/r',
      { head, base: 'main', title: 't', body: '', author: 'x', headCommit: 'c' },
      1,
    )
  await store.pulls.closed('/r', 2, 2)
  expect(await store.upkeep.check()).toEqual([])
  await redis.raw.call(command, `{${cluster}}:${key}`, ...rest)
  expect((await store.upkeep.check()).join('\n')).toContain(finding)
  await store.close()
})

it('holds 20,000 events in as much memory as it is told to keep', async () => {
  const store = await open('memory')
  const used = async () => {
    const keys = await redis.raw.keys('{memory}:journal*')
    const sizes = await Promise.all(keys.map((key) => redis.raw.memory('USAGE', key, 'SAMPLES', 0)))
    return sizes.reduce<number>((sum, size) => sum + Number(size ?? 0), 0)
  }
  await submit(store, { ids: ['t-open'] })
  const own = await store.journal.read({ taskId: 't-open' })
  let most = 0
  for (let n = 0; n < 20; n++) {
    const event = {
      type: 'tool.called',
      at: n,
      data: { id: 'x'.repeat(20), name: 'bash', input: 'ls -l' },
    } as const
    await store.journal.append(Array.from({ length: 1_000 }, () => event))
    await store.upkeep.prune({ now: n, events: 2_000, eventsBefore: 0, tasksBefore: 0 })
    most = Math.max(most, await used())
  }
  expect(most).toBeLessThan(2_300 * 200)
  expect(await store.journal.read({ taskId: 't-open' })).toEqual(own)
  expect(await redis.raw.llen('{memory}:journal:type:tool.called')).toBeLessThan(2_001)
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
})

it('is backed up as of one moment while two hosts work', async () => {
  const [one, two] = [await open('busy'), await open('busy')]
  await makeUp(one, 4)
  let busy = true
  const work = async (store: Store, name: string) => {
    for (let n = 0; busy; n++) {
      const run = `r-${name}${n}` as const
      await submit(store, { ids: [`t-${name}${n}`], run, request: run, spec: { priority: 99 } })
      const claimed = await store.tasks.claim({
        host: name,
        now: 5_000,
        leaseMs: 9e6,
        agent: ({ id }, epoch) => `${id}-${epoch}`,
      })
      if (claimed) await store.tasks.start(claimed.fence, 5_001)
    }
  }
  const working = [work(one, 'a'), work(two, 'b')]
  for (let n = 0; n < 3; n++) {
    const file = `${temporaryDirectory()}/backup.db`
    const before = await one.journal.last()
    await one.upkeep.backup(file)
    const copy = await openSqliteStore({ file })
    expect(await copy.upkeep.check()).toEqual([])
    expect(await copy.journal.last()).toBeGreaterThan(before)
    await copy.close()
  }
  busy = false
  await Promise.all(working)
  expect(await one.upkeep.check()).toEqual([])
  await Promise.all([one.close(), two.close()])
})

function row(type: string, at: string, run: string, task: string, epoch: string, data: string): string[] {
  return ['type', type, 'at', at, 'run', run, 'task', task, 'epoch', epoch, 'agent', '', 'data', data]
}
