import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { message, openBox } from '../../../test/support/mail.ts'
import { realParts } from '../../../test/support/parts.ts'
import type { Driver } from '../../agent/agent.ts'
import type { AttemptStatus } from '../../runtime/runtime.ts'
import { newHearing, type Word } from './hearing.ts'
import { type Offered, takeOffersBack, tendOffers } from './offers.ts'

/** What is put on offer to an agent's hook, and what becomes of what it takes; with a real store and real directories. */

const RUNNING: AttemptStatus = { state: 'running', turn: 1, words: 0, outBytes: 0 }
const word = (id: string, more: Partial<Word> = {}): Word => ({ id, text: `text of ${id}`, ...more })

async function follow(more: { interactive?: boolean; mostOffered?: number } = {}) {
  const { interactive = true, mostOffered = 10_000 } = more
  const real = await realParts()
  const command = real.drivers.get('command') as Driver
  const drivers = new Map([['command', { ...command, interactive: { ...command, mostOffered } }]])
  const parts = { ...real, drivers }
  const { task, attempt, fence } = await holdTask(parts, { interactive, runtime: 'tmux' })
  await openBox(parts.store, task.id, { reader: attempt.agent })
  const directory = parts.directories.path(attempt.agent)
  mkdirSync(directory, { recursive: true })
  const told = { taken: new Set<string>(), heard: new Set<string>() }
  const watch = {
    held: { parts, task, attempt, fence, signal: new AbortController().signal },
    hearing: newHearing(),
    reader: { taken: () => told.taken, heard: () => told.heard },
    feed: { session: (): string | undefined => 's-1', turn: () => 1 },
  } satisfies Offered
  const offered = () =>
    readdirSync(directory).flatMap((name) => (name.startsWith('offer.') ? name.split('.')[2] : []))
  return {
    ...{ parts, task, watch, told, offered },
    tend: async (words: Word[] = [], status = RUNNING) => {
      await tendOffers(watch, status, words)
      return offered()
    },
    send: (id: string, change: object = {}) =>
      parts.store.mailboxes.send([message({ id, to: task.id, from: 'alice', ...change })], 2),
    /** As the hook does. */
    take(at = Date.now()) {
      const mine = join(directory, `taken.${at}.1`)
      mkdirSync(mine)
      for (const name of readdirSync(directory).filter((it) => it.startsWith('offer.')))
        renameSync(join(directory, name), join(mine, name))
    },
  }
}

it('words that wait are on offer, but for those that are not in the journal yet', async () => {
  const { tend } = await follow()
  expect(await tend([word('one'), word('two', { fresh: true })])).toEqual(['one'])
  expect((await tend([word('one'), word('two')])).sort()).toEqual(['one', 'two'])
  expect(await tend([word('two')])).toEqual(['two'])
})

it.each([
  ['an agent without terminal interface', { interactive: false }, {}, RUNNING],
  ['a program without such a hook', { mostOffered: 0 }, {}, RUNNING],
  ['a program that has ended', {}, {}, { ...RUNNING, state: 'exited' as const }],
  ['a process that has said nothing yet', {}, {}, { ...RUNNING, turn: 2 }],
  ['a session that is not known', {}, { feed: { session: () => undefined, turn: () => 1 } }, RUNNING],
  ['a turn that a person has ended', {}, { interrupted: true }, RUNNING],
])('nothing is on offer to %s', async (_, kind: object, change: object, status: AttemptStatus) => {
  const { tend, watch } = await follow(kind)
  Object.assign(watch, change)
  if ('interrupted' in change) watch.hearing.interrupt = { id: 'i', turn: 1, words: 0 }
  expect(await tend([word('one')], status)).toEqual([])
})

it('no more than a program shows its model whole, from the first on', async () => {
  const { tend } = await follow({ mostOffered: 60 })
  const long = word('long', { text: 'ü'.repeat(40) })
  expect(await tend([word('one'), word('two'), long, word('three')])).toEqual(['one', 'two'])
  expect(await tend([long, word('one')])).toEqual([])
  expect(await tend([word('one'), word('blank', { text: ' \n' }), word('two')])).toEqual(['one'])
})

it('a message that a hook has taken becomes a word and is acknowledged, once', async () => {
  const { tend, send, take, told, watch, parts, task } = await follow()
  await send('message-1')
  await send('message-2')
  expect(await tend()).toEqual(['message-1', 'message-2'])
  take()
  told.taken.add('message-1').add('message-2')
  for (let look = 0; look < 2; look++) expect(await tend()).toEqual([])
  expect(watch.hearing.words.map(({ id }) => id)).toEqual(['message-1', 'message-2'])
  expect(watch.hearing.words[0]).toMatchObject({ message: true, text: expect.stringContaining('> ') })
  expect(await parts.store.mailboxes.waiting(task.id)).toEqual({ direct: 0, copies: 0 })
  const events = await parts.store.journal.read({ taskId: task.id, types: ['agent.told'] })
  expect(events.map(({ data }) => data?.id)).toEqual(['message-1', 'message-2'])
})

it('what one process took and has read is noted by a daemon that comes later', async () => {
  const { tend, send, told, watch } = await follow()
  await send('message-1')
  told.heard.add('message-1')
  expect(await tend()).toEqual([])
  expect(watch.hearing.words).toHaveLength(1)
})

it('messages that a tool has given, or waits for, are not on offer', async () => {
  const { tend, send, watch } = await follow()
  await send('message-1')
  await send('message-2')
  expect(await tend()).toHaveLength(2)
  watch.hearing.given.add('message-1')
  expect(await tend()).toEqual(['message-2'])
  watch.hearing.asking = 1
  expect(await tend()).toEqual([])
})

it('copies of what went to many come along, and keep nobody going by themselves', async () => {
  const { tend, send } = await follow()
  await send('copy-0001', { audience: '*' })
  expect(await tend()).toEqual([])
  expect(await tend([word('one')])).toHaveLength(2)
  expect(await tend()).toEqual([])
  await send('message-1')
  expect(await tend()).toEqual(['copy-0001', 'message-1'])
})

it('what is taken back is in the next prompt, unless a hook is at it', async () => {
  const { tend, take, told, watch, offered } = await follow()
  await tend([word('one')])
  expect(await takeOffersBack(watch, RUNNING)).toBe(false)
  expect(offered()).toEqual([])
  await tend([word('one')])
  take()
  expect(await takeOffersBack(watch, RUNNING)).toBe(true)
  expect(await takeOffersBack(watch, { ...RUNNING, state: 'exited' })).toBe(false)
  told.taken.add('one')
  expect(await takeOffersBack(watch, RUNNING)).toBe(false)
})

it('a hook that took something long ago and never told of it was killed', async () => {
  const { tend, take, watch } = await follow()
  await tend([word('one')])
  take(Date.now() - 60_000)
  expect(await takeOffersBack(watch, RUNNING)).toBe(false)
})
