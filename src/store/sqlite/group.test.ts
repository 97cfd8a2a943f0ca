import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { OrchError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import { openDatabase } from './database.ts'
import { createGroupCommit, together } from './group.ts'

function open() {
  const db = openDatabase(join(temporaryDirectory(), 'group.db'))
  db.script(`CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE rows (id INTEGER PRIMARY KEY,
      parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)`)
  const log: string[] = []
  let noted: number[] = []
  const group = createGroupCommit(
    db,
    {
      mark: () => noted.length,
      rewind: (mark) => {
        noted.length = mark
      },
      publish: () => {
        if (noted.length > 0) log.push(`published ${noted}`)
        noted = []
      },
    },
    silentLog,
  )
  const insert = (id: number, parent: number | null = null) => {
    db.run('INSERT INTO rows (id, parent) VALUES (?, ?)', id, parent)
    noted.push(id)
    return id
  }
  const ids = () => db.all<{ id: number }>('SELECT id FROM rows ORDER BY id').map(({ id }) => id)
  return { db, group, insert, ids, log }
}

it('puts the verbs of one turn into one transaction, in their order', async () => {
  const { group, insert, ids, log } = open()
  const given = await Promise.all([3, 1, 2].map((id) => group.write(() => insert(id))))
  expect(given).toEqual([3, 1, 2])
  expect(ids()).toEqual([1, 2, 3])
  expect(log).toEqual(['published 3,1,2'])
})

it('undoes a verb that fails, also in the middle, and leaves the others of its group', async () => {
  const { group, insert, ids, log } = open()
  const outcomes = await Promise.allSettled([
    group.write(() => insert(1)),
    group.write(() => {
      insert(2)
      throw new OrchError('E_STALE', 'late')
    }),
    group.write(() => insert(1)),
    group.write(() => {
      throw new TypeError('a bug')
    }),
    group.write(() => insert(3)),
  ])
  expect(outcomes.map(({ status }) => status[0])).toEqual(['f', 'r', 'r', 'r', 'f'])
  expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason?.code)).toEqual([
    undefined,
    'E_STALE',
    'E_STATE',
    'E_INTERNAL',
    undefined,
  ])
  expect(ids()).toEqual([1, 3])
  expect(log).toEqual(['published 1,3'])
})

it('does nothing at all when the commit fails, and works on afterwards', async () => {
  const { group, insert, ids, log } = open()
  const outcomes = await Promise.allSettled([
    group.write(() => insert(1)),
    group.write(() => insert(2, 99)), // no such parent: found out at the commit
    group.write(() => insert(3)),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect([ids(), log]).toEqual([[], []])
  await group.write(() => insert(4))
  expect([ids(), log]).toEqual([[4], ['published 4']])
})

it('splits a very large turn, keeping the order', async () => {
  const { group, insert, ids, log } = open()
  const wanted = Array.from({ length: 1_234 }, (_, n) => n)
  await Promise.all(wanted.map((id) => group.write(() => insert(id))))
  expect(ids()).toEqual(wanted)
  expect(log).toHaveLength(3)
})

it('commits what waits when it closes, and refuses what comes later', async () => {
  const { group, insert, ids } = open()
  const first = group.write(() => insert(1))
  group.close()
  expect(ids()).toEqual([1])
  await first
  await expect(group.write(() => insert(2))).rejects.toMatchObject({ code: 'E_STORE' })
})

it('rejects the whole group when the engine is gone', async () => {
  const { db, group, insert } = open()
  const writes = [1, 2].map((id) => group.write(() => insert(id)))
  db.close()
  const outcomes = await Promise.allSettled(writes)
  expect(outcomes).toMatchObject([{ reason: { code: 'E_STORE' } }, { reason: { code: 'E_STORE' } }])
})

it('undoes several kinds of effects together, each to where it was', () => {
  const list = () => {
    const all: number[] = []
    const rewind = (mark: number) => {
      all.length = mark
    }
    return { all, mark: () => all.length, rewind, publish: () => void all.push(-1) }
  }
  const [one, two] = [list(), list()]
  const both = together(one, two)
  both.mark()
  one.all.push(1)
  const second = both.mark()
  one.all.push(2)
  two.all.push(3)
  both.rewind(second)
  expect([one.all, two.all]).toEqual([[1], []])
  both.mark()
  two.all.push(4)
  both.publish()
  expect([one.all, two.all]).toEqual([
    [1, -1],
    [4, -1],
  ])
  both.rewind(0)
  expect([one.all, two.all]).toEqual([[], []])
})
