import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeUp } from '../../../../test/support/made-up-store.ts'
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts'
import { claim, refused, request, submit } from '../../../../test/support/store.ts'
import { temporaryDirectory } from '../../../../test/support/temporary.ts'
import { pathsIn } from '../../../config/paths.ts'
import { type Config, configSchema } from '../../../config/schema.ts'
import { silentLog } from '../../../log.ts'
import { openRedisStore } from '../../../store/redis/redis.ts'
import { writeImage } from '../../../store/sqlite/image.ts'
import { openSqliteStore } from '../../../store/sqlite/sqlite.ts'
import { openFileToMove } from '../../../store/sqlite/transfer.ts'
import type { Store } from '../../../store/store.ts'
import { createTally, type StoreRecord, type Summary } from '../../../store/transfer.ts'
import { hostNameOf } from '../../hosts/host.ts'
import { type MigrateOptions, migrateStore } from './migrate.ts'

let server: RedisServer
let clusters = 0
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.dispose())

const CLOCK = { now: () => Date.UTC(2026, 10, 3, 4, 5, 6, 789) }

function place() {
  const paths = pathsIn(temporaryDirectory())
  const cluster = `m${++clusters}`
  const config = configSchema.parse({ redis: { url: server.url }, cluster, hostName: 'here' })
  const migrate = (to: MigrateOptions['to'], more: Partial<MigrateOptions> = {}) =>
    migrateStore({
      ...{ to, config, paths, clock: CLOCK, environment: { env: {} }, progress: () => {} },
      ...more,
    })
  const embedded = () => openSqliteStore({ file: paths.store })
  const shared = () =>
    openRedisStore({
      config: config.redis as NonNullable<Config['redis']>,
      cluster,
      image: writeImage,
      log: silentLog,
    })
  return { paths, cluster, config, migrate, embedded, shared }
}

async function within<T>(open: () => Promise<Store>, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await open()
  return await work(store).finally(() => store.close())
}

async function recordsIn(file: string): Promise<{ records: StoreRecord[]; summary: Summary }> {
  const store = await openFileToMove(file)
  const tally = createTally()
  const all: StoreRecord[] = []
  for await (const records of store.dump()) {
    tally.add(records)
    all.push(...records)
  }
  store.close()
  return { records: all, summary: tally.summary() }
}

describe('moving a store', () => {
  it('takes everything to Redis and back, and loses nothing on the way', async () => {
    const { paths, migrate, embedded, shared } = place()
    await within(embedded, (store) => makeUp(store, 4))
    const before = await recordsIn(paths.store)
    let told = 0
    const there = await migrate('redis', {
      progress: (records) => {
        told = records
      },
    })
    expect(told).toBe(before.records.length)
    expect(basename(there.kept ?? '')).toBe('orch.db.moved-2026-11-03T04-05-06-789Z')
    expect(existsSync(paths.store)).toBe(false)
    expect((await recordsIn(there.kept ?? '')).summary).toEqual(before.summary)
    await within(shared, async (store) => {
      expect(await store.upkeep.check()).toEqual([])
      const task = await store.tasks.get('t-held1')
      expect(task?.spec).toMatchObject({ repo: 'here:/repo', source: { host: 'here', path: '/repo' } })
      expect((await store.pulls.list('here:/repo1')).map(({ number }) => number)).toEqual([3, 2, 1])
    })
    const back = await migrate('embedded')
    expect(back.elsewhere).toBe(0)
    expect(back).not.toHaveProperty('kept')
    expect(back.records).toEqual(there.records)
    const after = await recordsIn(paths.store)
    expect(after.records).toEqual(before.records)
    await within(embedded, async (store) => expect(await store.upkeep.check()).toEqual([]))
  })

  it('goes on where it was: the queue in its order, gates, leases, mailboxes, requests, numbers', async () => {
    const { migrate, embedded, shared } = place()
    await within(embedded, makeUp)
    const left = await within(embedded, async (store) => ({
      queued: (await store.tasks.list({ states: ['queued'] })).map(({ id }) => id),
      waiting: await store.mailboxes.waiting('t-held1'),
      usage: await store.tasks.usage({ by: 'task' } as never).catch(() => []),
    }))
    await migrate('redis')
    await within(shared, async (store) => {
      expect((await store.tasks.list({ states: ['queued'] })).map(({ id }) => id)).toEqual(left.queued)
      expect(await store.mailboxes.waiting('t-held1')).toEqual(left.waiting)
      const again = await submit(store, { ids: ['t-x'], run: 'r-x', request: 'q-1' })
      expect(again).toMatchObject({ created: false, run: { id: 'r-1' } })
      const fence = { taskId: 't-held2', epoch: 1, host: 'here' } as const
      expect((await store.tasks.renew('here', 9_000, 100)).length).toBeGreaterThan(0)
      await refused('E_STATE', claim(store, { now: 9e9, agent: () => 'a-t-dead1-1' }))
      const order = []
      for (let n = 0; n < 3; n++) order.push((await store.tasks.claim(request({ now: 9e9 })))?.task.id)
      expect(order[0]).toMatch(/2$/)
      expect(await store.tasks.report(fence, 9_001, { summary: 'x' })).toMatchObject({ state: 'reported' })
      const before = await store.journal.last()
      expect(await store.journal.append([{ type: 'daemon.started', at: 1 }])).toBe(before + 1)
      const opened = await store.pulls.open(
        'here:/repo1',
        { head: 'a', base: 'main', title: 'n', body: '', author: 'x', headCommit: 'c' },
        1,
      )
      expect(opened).toMatchObject({ created: true, record: { number: 4 } })
      expect(await store.upkeep.check()).toEqual([])
    })
  })

  it('is done again after it was interrupted; what is half there is not opened by anybody', async () => {
    const { paths, migrate, embedded, shared } = place()
    await within(embedded, (store) => makeUp(store, 6))
    const before = await recordsIn(paths.store)
    const cut = () => {
      throw new Error('cut')
    }
    await expect(migrate('redis', { progress: cut })).rejects.toThrow('cut')
    await refused('E_STORE', shared())
    await refused('E_STATE', migrate('embedded'))
    expect((await recordsIn(paths.store)).summary).toEqual(before.summary)
    await migrate('redis')
    await expect(migrate('embedded', { progress: cut })).rejects.toThrow('cut')
    expect(existsSync(paths.store) && (await recordsIn(paths.store).catch(() => undefined))).toBeFalsy()
    await within(shared, async (store) => expect(await store.upkeep.check()).toEqual([]))
    await migrate('embedded')
    expect((await recordsIn(paths.store)).records).toEqual(before.records)
    expect(readdirSync(dirname(paths.store)).filter((name) => name.includes('migrating'))).toEqual([])
  })

  it('is done again when it was killed after the last record, before what was left behind was put aside', async () => {
    const { paths, cluster, migrate, embedded, shared } = place()
    await within(embedded, (store) => makeUp(store, 2))
    const there = await migrate('redis')
    renameSync(there.kept ?? '', paths.store)
    expect((await migrate('redis')).records).toEqual(there.records)
    expect(existsSync(paths.store)).toBe(false)
    await refused('E_STATE', migrate('redis')) // nothing is left here that could be compared

    const back = await migrate('embedded')
    const admin = new Redis(server.url)
    await admin.del(`{${cluster}}:moving`)
    admin.disconnect()
    expect(await migrate('embedded')).toEqual(back)
    await refused('E_STORE', shared())
    await within(embedded, async (store) => expect(await store.upkeep.check()).toEqual([]))
  })

  it('leaves a copy in Redis that nobody opens; it is replaced only when that is asked for', async () => {
    const { migrate, embedded, shared } = place()
    await within(embedded, (store) => submit(store, { ids: ['t-a'] }))
    await migrate('redis')
    await migrate('embedded')
    await refused('E_STORE', shared())
    await refused('E_STATE', migrate('embedded'))
    await within(embedded, (store) => submit(store, { ids: ['t-b'], run: 'r-2' }))
    await refused('E_STATE', migrate('redis'))
    await migrate('redis', { replace: true })
    await within(shared, async (store) => expect(await store.tasks.list()).toHaveLength(2))
  })

  it('takes a backup to Redis, which stays as it is', async () => {
    const { paths, migrate, embedded, shared } = place()
    const backup = join(paths.state, 'backup.db')
    await within(embedded, async (store) => {
      await makeUp(store, 1)
      await store.upkeep.backup(backup)
    })
    const moved = await migrate('redis', { from: backup })
    expect(moved).not.toHaveProperty('kept')
    expect(existsSync(paths.store)).toBe(true)
    await within(shared, async (store) => {
      expect(await store.tasks.get('t-held0')).toBeDefined()
      const file = join(paths.state, 'again.db')
      expect((await store.upkeep.backup(file)).bytes).toBeGreaterThan(1_000)
      await refused('E_INVALID', store.upkeep.backup(file))
      const copy = await openSqliteStore({ file })
      expect(await copy.upkeep.check()).toEqual([])
      expect(await copy.journal.last()).toBe(await store.journal.last())
      await copy.close()
    })
  })

  it('puts a backup in the place of what is in Redis, which is kept as a file', async () => {
    const { paths, migrate, shared } = place()
    const backup = join(paths.state, 'backup.db')
    await within(shared, async (store) => {
      await makeUp(store, 1)
      await store.upkeep.backup(backup)
      await submit(store, { ids: ['t-later'], run: 'r-later' })
    })
    const { kept = '' } = await migrate('redis', { from: backup, restore: true })
    expect((await recordsIn(kept)).summary.run.count).toBe((await recordsIn(backup)).summary.run.count + 1)
    await within(shared, async (store) => {
      expect(await store.tasks.get('t-later')).toBeUndefined()
      expect(await store.upkeep.check()).toEqual([])
    })
    const later = { now: () => CLOCK.now() + 1 }
    expect(await migrate('redis', { from: kept, restore: true, clock: later })).toHaveProperty('kept')
    await within(shared, async (store) => expect(await store.tasks.get('t-later')).toBeDefined())
    writeFileSync(kept, 'damaged '.repeat(1_000), { flag: 'r+' })
    await refused('E_STORE', migrate('redis', { from: kept, restore: true }))
    await within(shared, async (store) => expect(await store.tasks.get('t-later')).toBeDefined())
  })

  it('knows this host by its name there, and as local here, when it has none', async () => {
    const { config, migrate, embedded, shared, paths } = place()
    const { hostName: _, ...unnamed } = config
    await within(embedded, async (store) => {
      await submit(store, { ids: ['t-a'] })
      await claim(store, { host: 'local' })
    })
    const before = await recordsIn(paths.store)
    await migrate('redis', { config: unnamed })
    const name = hostNameOf(undefined, true)
    await within(shared, async (store) => {
      const task = await store.tasks.get('t-a')
      expect(task).toMatchObject({ lease: { host: name }, spec: { repo: `${name}:/repo` } })
      expect(await store.tasks.attempts('t-a')).toMatchObject([{ host: name }])
      expect(await store.tasks.list({ host: name })).toHaveLength(1)
    })
    await migrate('embedded', { config: unnamed })
    expect((await recordsIn(paths.store)).records).toEqual(before.records)
  })

  it('says which tasks have their repository on another host', async () => {
    const { migrate, shared, embedded } = place()
    await within(shared, (store) => submit(store, { ids: ['t-a', 't-b'], spec: { repo: 'other:/repo' } }))
    expect((await migrate('embedded')).elsewhere).toBe(2)
    await within(embedded, async (store) =>
      expect((await store.tasks.get('t-a'))?.spec.repo).toBe('other:/repo'),
    )
  })

  it('refuses while a daemon is there, or any host', async () => {
    const { migrate, embedded, shared } = place()
    await within(embedded, async (store) => {
      await submit(store, { ids: ['t-a'] })
      await refused('E_STORE_LOCKED', migrate('redis'))
    })
    const beat = { instance: 'i', offers: [], capacity: 1, running: 0, version: '1', pid: 1, address: 'x' }
    await within(shared, (store) => store.hosts.beat({ name: 'far', ...beat }, CLOCK.now(), 1_000))
    await refused('E_STATE', migrate('redis'))
    await refused('E_STATE', migrate('embedded'))
    const later = { now: () => CLOCK.now() + 301_000 }
    expect(await migrate('redis', { clock: later })).toMatchObject({ records: { task: 1 } })
  })

  it('never writes over a store', async () => {
    const { migrate, embedded, shared, paths } = place()
    await within(shared, (store) => submit(store, { ids: ['t-there'] }))
    await within(embedded, (store) => submit(store, { ids: ['t-here'] }))
    await refused('E_STATE', migrate('redis'))
    await refused('E_STATE', migrate('redis', { replace: true }))
    await refused('E_STATE', migrate('embedded'))
    expect((await recordsIn(paths.store)).summary.task.count).toBe(1)
    await within(shared, async (store) => expect(await store.tasks.list()).toHaveLength(1))
  })

  it('refuses what is not there, or no store', async () => {
    const { migrate, config, paths } = place()
    await refused('E_NOT_FOUND', migrate('redis'))
    await refused('E_NOT_FOUND', migrate('redis', { from: join(paths.state, 'nothing.db') }))
    writeFileSync(
      join(paths.state, 'text.db'),
      'this is not a database, but long enough to look like something else',
    )
    await refused('E_STORE', migrate('redis', { from: join(paths.state, 'text.db') }))
    await refused('E_STATE', migrate('embedded'))
    const { redis: _, ...without } = config
    await refused('E_CONFIG', migrate('redis', { config: without as Config }))
    const gone = { ...config, redis: { ...config.redis, url: 'redis://127.0.0.1:1' } } as Config
    await refused('E_STORE_DOWN', migrate('redis', { config: gone }))
  })

  it('compares what arrived with what was sent', async () => {
    const { migrate, embedded, cluster, paths, shared } = place()
    await within(embedded, (store) => makeUp(store, 1))
    const admin = new Redis(server.url)
    let spoilt = false
    const progress = () => {
      if (!spoilt) void admin.set(`{${cluster}}:run:r-0`, '{"id":"r-0"}')
      spoilt = true
    }
    await refused('E_STORE', migrate('redis', { progress }))
    admin.disconnect()
    expect(existsSync(paths.store)).toBe(true)
    await refused('E_STORE', shared())
  })
})
