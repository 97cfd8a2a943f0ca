import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lease, message, openBox, statesOf } from '../../../test/support/mail.ts'
import { claim, refused, SPEC, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { openDatabase } from './database.ts'
import { restoreSqliteStore } from './restore.ts'
import { MIGRATIONS, migrate } from './schema.ts'
import { openSqliteStore } from './sqlite.ts'

const clock = { now: () => Date.UTC(2026, 10, 3, 4, 5, 6, 789) }
const KEPT = '2026-11-03T04-05-06-789Z'

/** A store with one task at the time of the backup, and one more after it. */
async function backedUp() {
  const directory = temporaryDirectory()
  const file = join(directory, 'orch.db')
  const backup = join(directory, 'backup.db')
  const store = await openSqliteStore({ file })
  await submit(store, { ids: ['t-old'] })
  await store.upkeep.backup(backup)
  await submit(store, { ids: ['t-new'], run: 'r-2' })
  return { directory, file, backup, store }
}

async function tasksIn(file: string): Promise<string[]> {
  const store = await openSqliteStore({ file })
  const ids = (await store.tasks.list()).map(({ id }) => id)
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
  return ids
}

describe('backup', () => {
  it('is whole, private, alone, and reports its size', async () => {
    const { directory, store } = await backedUp()
    const target = join(directory, 'second.db')
    const { bytes } = await store.upkeep.backup(target)
    expect(statSync(target)).toMatchObject({ size: bytes })
    expect(statSync(target).mode & 0o777).toBe(0o600)
    await store.close()
    expect(readdirSync(directory).sort()).toEqual(['backup.db', 'orch.db', 'second.db'])
    expect(await tasksIn(target)).toEqual(['t-new', 't-old'])
  })

  it('refuses a file that exists, and leaves it alone', async () => {
    const { directory, store } = await backedUp()
    const target = join(directory, 'mine.txt')
    writeFileSync(target, 'mine')
    await refused('E_INVALID', store.upkeep.backup(target))
    await refused('E_INVALID', store.upkeep.backup(join(directory, 'none', 'backup.db')))
    expect(readFileSync(target, 'utf8')).toBe('mine')
    await store.close()
  })

  it('is consistent while hundreds of writes go on, and two at once do not meet', async () => {
    const directory = temporaryDirectory()
    const store = await openSqliteStore({ file: join(directory, 'orch.db') })
    const ids = Array.from({ length: 300 }, (_, n) => `t-${n}` as const)
    await submit(store, { ids, spec: { description: 'x'.repeat(5_000) } })
    const targets = ['a.db', 'b.db'].map((name) => join(directory, name))
    let copying = true
    const backups = Promise.all(targets.map((target) => store.upkeep.backup(target))).finally(() => {
      copying = false
    })
    let claimed = 0
    while (copying && claimed < ids.length) {
      const { fence } = await claim(store)
      await store.tasks.start(fence, 2)
      claimed += 1
    }
    await backups
    expect(claimed).toBeGreaterThan(0)
    await store.close()
    for (const target of targets) expect(await tasksIn(target)).toHaveLength(300)
  })
})

it('copies also when it begins in the middle of a transaction', async () => {
  const directory = temporaryDirectory()
  const db = openDatabase(join(directory, 'a.db'))
  db.script('CREATE TABLE a (x); BEGIN IMMEDIATE; INSERT INTO a VALUES (1)')
  const copied = db.copyTo(join(directory, 'b.db'))
  setTimeout(() => db.script('INSERT INTO a VALUES (2); COMMIT'), 60)
  await copied
  db.close()
  const copy = openDatabase(join(directory, 'b.db'))
  expect(copy.all('SELECT x FROM a')).toEqual([{ x: 1 }, { x: 2 }])
  copy.close()
})

describe('restore', () => {
  it('puts the backup in place and keeps the old store beside it', async () => {
    const { directory, file, backup, store } = await backedUp()
    await store.close()
    const { kept } = await restoreSqliteStore({ backup, file, clock })
    expect(kept).toBe(`${file}.${KEPT}`)
    expect(readdirSync(directory).sort()).toEqual(['backup.db', 'orch.db', `orch.db.${KEPT}`])
    expect(await tasksIn(file)).toEqual(['t-old'])
    expect(await tasksIn(kept ?? '')).toEqual(['t-new', 't-old'])
    expect(await tasksIn(backup)).toEqual(['t-old'])
  })

  it('brings a store to where there is none', async () => {
    const { directory, backup, store } = await backedUp()
    await store.close()
    const file = join(directory, 'fresh.db')
    expect(await restoreSqliteStore({ backup, file, clock })).toEqual({ kept: undefined })
    expect(await tasksIn(file)).toEqual(['t-old'])
  })

  it('brings back what waited in mailboxes, with its order', async () => {
    const { file, backup, store } = await backedUp()
    await openBox(store, 'bob', { reader: 'reader' })
    const [first, second, later] = [message(), message(), message()]
    await store.mailboxes.send([first, second], 1)
    await store.upkeep.backup(`${backup}.mail`)
    await store.mailboxes.acknowledge({ mailbox: 'bob', reader: 'reader', ids: [first.id], now: 2 })
    await store.mailboxes.send([later], 3)
    await store.close()
    await restoreSqliteStore({ backup: `${backup}.mail`, file, clock })
    expect(await tasksIn(file)).toEqual(['t-new', 't-old'])
    const restored = await openSqliteStore({ file })
    expect(await statesOf(restored, [first.id, later.id])).toEqual(['waiting', undefined])
    expect((await lease(restored)).map((delivery) => delivery.message)).toEqual([first, second])
    await restored.close()
  })

  it('takes a backup that an older Orch made, and leaves that as it is', async () => {
    const directory = temporaryDirectory()
    const [backup, file] = [join(directory, 'backup.db'), join(directory, 'orch.db')]
    const db = openDatabase(backup)
    migrate(db, MIGRATIONS.slice(0, 1))
    const run = { id: 'r-1', requestId: 'r-1', repo: '/repo', createdAt: 1 }
    const life = { state: 'queued', epoch: 0, used: 0, createdAt: 1, updatedAt: 1 }
    const task = { id: 't-old', runId: 'r-1', ...life }
    db.run(`INSERT INTO runs VALUES (1, 'r-1', 'r-1', ?)`, JSON.stringify(run))
    const insert = `INSERT INTO tasks (id, run_id, repo, state, priority, not_before, record)
      VALUES ('t-old', 'r-1', '/repo', 'queued', 0, 0, ?)`
    db.run(insert, JSON.stringify(task))
    db.run('INSERT INTO specs VALUES (1, ?)', JSON.stringify(SPEC))
    db.close()
    const before = readFileSync(backup)
    await restoreSqliteStore({ backup, file, clock })
    expect(await tasksIn(file)).toEqual(['t-old'])
    expect(readFileSync(backup).equals(before)).toBe(true)
  })

  it('refuses while the store is open, and leaves it unharmed', async () => {
    const { directory, file, backup, store } = await backedUp()
    await refused('E_STORE_LOCKED', restoreSqliteStore({ backup, file, clock }))
    await refused('E_STORE_LOCKED', openSqliteStore({ file }))
    expect(await store.tasks.list()).toHaveLength(2)
    await store.close()
    expect(readdirSync(directory).sort()).toEqual(['backup.db', 'orch.db'])
  })

  it('takes the log of a store that was killed along, as the old one and as the backup', async () => {
    const { directory, file, backup, store } = await backedUp()
    const dead = join(directory, 'dead.db')
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, dead + suffix)
    await store.close()
    const { kept } = await restoreSqliteStore({ backup, file: dead, clock })
    expect(existsSync(`${dead}-wal`)).toBe(false)
    expect(await tasksIn(kept ?? '')).toEqual(['t-new', 't-old'])
    expect(await tasksIn(dead)).toEqual(['t-old'])
  })

  it('replaces a store that is damaged beyond reading, and keeps all of it', async () => {
    const { file, backup, store } = await backedUp()
    await store.close()
    writeFileSync(file, 'garbage '.repeat(2_000))
    writeFileSync(`${file}-wal`, 'more garbage')
    const useless = `${backup}.txt`
    writeFileSync(useless, 'no backup')
    await refused('E_STORE', restoreSqliteStore({ backup: useless, file, clock }))
    expect(readFileSync(`${file}-wal`, 'utf8')).toBe('more garbage')
    const { kept } = await restoreSqliteStore({ backup, file, clock })
    expect(readFileSync(kept ?? '', 'utf8')).toContain('garbage')
    expect(readFileSync(`${kept}-wal`, 'utf8')).toBe('more garbage')
    expect(await tasksIn(file)).toEqual(['t-old'])
  })

  it('refuses what is no sound backup, and changes nothing', async () => {
    const { directory, file, backup, store } = await backedUp()
    await store.close()
    const bad = (name: string, make: (path: string) => void) => {
      const path = join(directory, name)
      make(path)
      return path
    }
    const backups = [
      bad('empty.db', (path) => writeFileSync(path, '')),
      bad('text.db', (path) => writeFileSync(path, 'hello '.repeat(1_000))),
      bad('short.db', (path) => {
        copyFileSync(backup, path)
        truncateSync(path, statSync(path).size / 2)
      }),
      bad('tampered.db', (path) => {
        copyFileSync(backup, path)
        const db = openDatabase(path)
        db.script(`UPDATE tasks SET state = 'sleeping'`)
        db.close()
      }),
      bad('newer.db', (path) => {
        const db = openDatabase(path)
        migrate(
          db,
          Array.from({ length: 40 }, (_, n) => `CREATE TABLE t${n} (x)`),
        )
        db.close()
      }),
    ]
    const before = readdirSync(directory).sort()
    for (const broken of backups)
      await refused('E_STORE', restoreSqliteStore({ backup: broken, file, clock }))
    await refused('E_NOT_FOUND', restoreSqliteStore({ backup: join(directory, 'none.db'), file, clock }))
    await refused('E_INVALID', restoreSqliteStore({ backup: file, file, clock }))
    expect(readdirSync(directory).sort()).toEqual(before)
    expect(await tasksIn(file)).toEqual(['t-new', 't-old'])
  })
})
