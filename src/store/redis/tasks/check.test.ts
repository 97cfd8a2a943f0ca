import { expect, it } from 'vitest'
import { redisHere } from '../../../../test/support/redis-here.ts'
import { claim, PROOF, REASON, submit } from '../../../../test/support/store.ts'

const redis = redisHere()

/** One task in each of five ways to be. */
async function someStore(cluster: string) {
  const store = await redis.open(cluster)
  await submit(store, { ids: ['t-held', 't-done', 't-dead', 't-queued'] })
  await submit(store, { ids: ['t-gated'], run: 'r-2', spec: { after: ['t-queued'] } })
  await claim(store)
  const { fence } = await claim(store)
  await store.tasks.start(fence, 1)
  await store.tasks.report(fence, 1, { summary: '' })
  await store.tasks.verify(fence, 1, PROOF)
  await store.tasks.accept(fence, 1)
  await store.tasks.fail((await claim(store)).fence, 1, { reason: REASON, retryAt: 1, final: true })
  expect(await store.upkeep.check()).toEqual([])
  return store
}

it.each([
  [['hset', 'task:t-held', 'state', 'queued'], 'task t-held: it is missing from tasks:state:queued'],
  [['hset', 'task:t-held', 'state', 'odd'], 'task t-held: it is in no known state'],
  [['hset', 'task:t-held', 'host', ''], 'task t-held: leased, held by ""'],
  [['hdel', 'task:t-held', 'lane'], 'task t-held: it has no lane'],
  [['hset', 'task:t-held', 'record', '{'], 'a record is not readable'],
  [['del', 'spec:t-dead'], 'task t-dead: what was asked is not there'],
  [['del', 'run:r-2'], 'task t-gated: its run is not there'],
  [['zrem', 'leases', 't-held'], 'task t-held: its lease is not that of its state'],
  [['zrem', 'tasks:host:here', 't-held'], 'task t-held: it is missing from tasks:host:here'],
  [['zrem', 'tasks:state:dead', 't-dead'], 'tasks: there are 5, but 4 by their states'],
  [['del', 'attempt:t-dead:1'], 'task t-dead: attempt 1 is not recorded'],
  [['hdel', 'attempt:t-dead:1', 'endedAt'], 'task t-dead: attempt 1 has not ended'],
  [['hset', 'attempt:t-held:1', 'endedAt', '1'], 'task t-held: attempt 1 has ended'],
  [['hdel', 'attempt:t-done:1', 'outcome'], 'task t-done: attempt 1 has an end without an outcome'],
  [['zadd', 'delayed', '5', 't-queued'], 'task t-queued: queued, but 2 times in the queue'],
  [['zadd', 'delayed', '5', 't-gated'], 'task t-gated: queued, but 1 times in the queue'],
  [['zadd', 'reserved', '5', 't-none'], 'reserved: task t-none is not there'],
  [['del', 'lanes'], 'task t-queued: its lane is not where its first task is'],
] as const)('finds what %j did', async ([command, key, ...rest], finding) => {
  const cluster = redis.newCluster()
  const store = await someStore(cluster)
  await redis.raw.call(command, `{${cluster}}:${key}`, ...rest)
  expect((await store.upkeep.check()).join('\n')).toContain(finding)
  await store.close()
})
