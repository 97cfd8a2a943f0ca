import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, type TestContext } from 'vitest'
import { ids, lease, message, openBox, RETRY, statesOf } from '../../../test/support/mail.ts'
import { REASON, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { exec } from '../../exec.ts'
import type { TaskId } from '../../id.ts'
import { openSqliteStore } from './sqlite.ts'

const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** A directory on a file system of its own that holds 2 MiB. */
async function smallDisk({ skip }: TestContext): Promise<string> {
  const directory = join(temporaryDirectory(), 'disk')
  mkdirSync(directory)
  const mounted = await exec(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory], {
    env: ENV,
  }).catch((error: Error) => ({ code: -1, stderr: error.message }))
  if (mounted.code !== 0) skip(`a small file system cannot be mounted here: ${mounted.stderr.trim()}`)
  onTestFinished(async () => void (await exec(['umount', directory], { env: ENV })))
  return directory
}

it('refuses whole groups with E_DISK_FULL, keeps what was acknowledged, and works on when there is room', async (test) => {
  const disk = await smallDisk(test)
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(700_000))
  const store = await openSqliteStore({ file: join(disk, 'orch.db') })
  const kept: TaskId[] = []
  const refusals = new Set<string>()
  for (let turn = 0; refusals.size === 0 && turn < 500; turn++) {
    const ids = Array.from({ length: 5 }, (_, n) => `t-${turn}-${n}` as TaskId)
    const outcomes = await Promise.allSettled(
      ids.map((id) => submit(store, { ids: [id], run: `r-${id}`, spec: { description: 'x'.repeat(3_000) } })),
    )
    const done = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect([0, 5]).toContain(done)
    if (done === 5) kept.push(...ids)
    for (const outcome of outcomes) if (outcome.status === 'rejected') refusals.add(outcome.reason.code)
  }
  expect([...refusals]).toEqual(['E_DISK_FULL'])
  expect(kept.length).toBeGreaterThan(0)
  const stored = async () => (await store.tasks.list()).map(({ id }) => id).sort()
  expect(await stored()).toEqual([...kept].sort())
  await expect(store.upkeep.backup(join(disk, 'backup.db'))).rejects.toMatchObject({ code: 'E_DISK_FULL' })
  expect(readdirSync(disk).filter((name) => name.startsWith('backup'))).toEqual([])

  rmSync(ballast)
  expect((await submit(store, { ids: ['t-after'], run: 'r-after' })).created).toBe(true)
  kept.push('t-after')
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
  const again = await openSqliteStore({ file: join(disk, 'orch.db') })
  expect((await again.tasks.list()).map(({ id }) => id).sort()).toEqual([...kept].sort())
  await again.close()
})

it('keeps mailboxes as they were when there is no room: what was sent, what is leased, what was rung for', async (test) => {
  const disk = await smallDisk(test)
  const ballast = join(disk, 'ballast')
  const store = await openSqliteStore({ file: join(disk, 'orch.db') })
  await openBox(store, 'bob', { reader: 'reader' })
  const messages = [message(), message()]
  await store.mailboxes.send(messages, 1)
  await lease(store)
  const heard: string[] = []
  store.mailboxes.onArrival((names) => heard.push(...names))
  writeFileSync(ballast, Buffer.alloc(1_200_000))
  const text = 'x'.repeat(900_000)
  const order = { mailbox: 'bob', reader: 'reader', ids: ids(messages), now: 2 }
  const outcomes = await Promise.allSettled([
    store.mailboxes.acknowledge({ ...order, ids: ids(messages.slice(0, 1)) }),
    store.mailboxes.giveBack({ ...order, reason: REASON, retry: { ...RETRY, baseMs: 0 } }),
    store.mailboxes.send([message({ payload: { text } })], 2),
  ])
  expect(outcomes).toMatchObject(
    outcomes.map(() => ({ status: 'rejected', reason: { code: 'E_DISK_FULL' } })),
  )
  expect(heard).toEqual([])
  expect(await statesOf(store, ids(messages))).toEqual(['waiting', 'waiting'])
  expect(await lease(store)).toEqual([]) // the leases are still there

  rmSync(ballast)
  await store.mailboxes.acknowledge(order)
  expect(await store.mailboxes.waiting('bob')).toEqual({ direct: 0, copies: 0 })
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
})

it('says E_DISK_FULL when there is no room for a store at all', async (test) => {
  const disk = await smallDisk(test)
  try {
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(3_000_000))
  } catch {
    // Full is what is wanted.
  }
  const file = join(disk, 'orch.db')
  await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'E_DISK_FULL' })
  rmSync(join(disk, 'ballast'))
  await (await openSqliteStore({ file })).close()
  expect(existsSync(file)).toBe(true)
})
