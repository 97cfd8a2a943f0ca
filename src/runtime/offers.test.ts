import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { clearOffers, type OfferedWord, offer } from './offers.ts'

/** What is on offer to a hook: whoever is killed when, each word is either taken or taken back. */

const word = (id: string): OfferedWord => ({ id, text: `text ${id}` })
const words = (...ids: string[]) => ({ session: 's', words: ids.map(word) })
const NONE = { session: '', words: [] }
const offered = (directory: string) => readdirSync(directory).filter((name) => name.startsWith('offer.'))

/** As hook.sh does it, without what comes before and after. */
function take(directory: string, at = 1_000, only = /./): string[] {
  const mine = join(directory, `taken.${at}.99`)
  mkdirSync(mine)
  const mv = (name: string) => renameSync(join(directory, name), join(mine, name))
  const names = offered(directory).filter((name) => only.test(name))
  names.sort().forEach(mv)
  return names.map((name) => name.split('.')[2] ?? '')
}

it('offers each word once, in order, however often it is asked', async () => {
  const directory = temporaryDirectory()
  for (const ids of [['b'], ['b', 'a'], ['b', 'a'], ['b', 'a', 'c']]) await offer(directory, words(...ids))
  expect(offered(directory).sort()).toEqual(['offer.000001.b', 'offer.000002.a', 'offer.000003.c'])
  expect(readFileSync(join(directory, 'session'), 'utf8')).toBe('s\n')
  expect(take(directory)).toEqual(['b', 'a', 'c'])
  expect(await offer(directory, words('b', 'a', 'c', 'd'))).toEqual(
    new Map([
      ['b', 1_000],
      ['a', 1_000],
      ['c', 1_000],
    ]),
  )
  expect(offered(directory)).toEqual(['offer.000004.d'])
})

it('takes back what is not wanted any more, and tells what was taken before', async () => {
  const directory = temporaryDirectory()
  await offer(directory, words('a', 'b', 'c'))
  take(directory, 5, /\.a$/)
  expect(await offer(directory, words('a', 'c'))).toEqual(new Map([['a', 5]]))
  expect(offered(directory)).toEqual(['offer.000003.c'])
  expect(await offer(directory, NONE)).toEqual(new Map([['a', 5]]))
  expect(offered(directory)).toEqual([])
  await offer(directory, words('c')) // another time
  expect(take(directory, 6)).toEqual(['c'])
})

it('follows the session', async () => {
  const directory = temporaryDirectory()
  await offer(directory, words('a'))
  await offer(directory, { session: 'other', words: [word('a')] })
  expect(readFileSync(join(directory, 'session'), 'utf8')).toBe('other\n')
})

it('goes on from wherever a daemon or a hook was killed', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'offering.a.new'), 'hal') // the daemon, in mid-word
  mkdirSync(join(directory, 'taken.7.1')) // a hook, before it took anything
  expect(await offer(directory, words('a'))).toEqual(new Map())
  expect(readFileSync(join(directory, 'offer.000001.a'), 'utf8')).toBe('text a\\n\\n')
  take(directory, 8) // and one before it told of it
  expect(await offer(directory, words('a'))).toEqual(new Map([['a', 8]]))
  expect(offered(directory)).toEqual([])
})

it('a new process begins without', async () => {
  const directory = temporaryDirectory()
  await offer(directory, words('a', 'b'))
  take(directory, 9, /\.a$/)
  writeFileSync(join(directory, 'chain'), '5\n')
  writeFileSync(join(directory, 'out.jsonl'), '')
  await clearOffers(directory)
  expect(readdirSync(directory)).toEqual(['out.jsonl'])
  expect(await offer(directory, words('a', 'b'))).toEqual(new Map())
  expect(offered(directory)).toHaveLength(2)
})

it('refuses ids that are no names, and a directory that is gone', async () => {
  const directory = temporaryDirectory()
  for (const id of ['', '../x', 'a.b', 'a b', 'x'.repeat(65)])
    await expect(offer(directory, words(id))).rejects.toMatchObject({ code: 'E_INVALID' })
  rmSync(directory, { recursive: true })
  expect(await offer(directory, NONE)).toEqual(new Map())
  await clearOffers(directory)
  await expect(offer(directory, words('a'))).rejects.toThrow()
})
