import { expect, test } from 'vitest'
import { openTableJournal } from '../../test/support/table-journal.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { silentLog } from '../log.ts'
import { eventStream, toFilter } from './event-stream.ts'

/** A clock whose sleeps end when the test turns it. */
function turnableClock() {
  const sleepers: { ms: number; wake: () => void }[] = []
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ ms, wake: resolve })
        signal?.addEventListener('abort', () => resolve())
      }),
  }
  return { clock, sleepers }
}

function open(options: { after?: number; query?: Parameters<typeof toFilter>[0]; clock?: Clock } = {}) {
  const journal = openTableJournal(':memory:')
  const ending = new AbortController()
  const start = () => {
    const stream = eventStream({
      journal,
      log: silentLog,
      clock: options.clock ?? systemClock,
      after: options.after ?? 0,
      filter: toFilter(options.query ?? {}),
      signal: ending.signal,
    })
    return stream
      .pipeThrough(new TextDecoderStream() as never)
      .getReader() as ReadableStreamDefaultReader<string>
  }
  return { journal, ending, start }
}

const note = (text: string, taskId?: `t-${string}`) =>
  ({ type: 'note', at: 0, data: { text }, ...(taskId && { taskId }) }) as const
const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)\ndata: {"/gm)].map(([, id]) => Number(id))

async function readUntil(reader: ReadableStreamDefaultReader<string>, done: (text: string) => boolean) {
  let text = ''
  while (!done(text)) {
    const chunk = await reader.read()
    if (chunk.done) break
    text += chunk.value
  }
  return text
}

test('says first where it starts, then gives what was and what comes', async () => {
  const { journal, start } = open({ after: 1 })
  await journal.append([note('a'), note('b'), note('c')])
  const reader = start()
  expect((await reader.read()).value).toBe('retry: 500\nevent: ready\nid: 1\ndata: {}\n\n')
  const before = (await reader.read()).value ?? ''
  expect(idsIn(before)).toEqual([2, 3])
  expect(before).toContain(
    'id: 2\ndata: {"type":"note","at":"1970-01-01T00:00:00.000Z","data":{"text":"b"},"seq":2}\n\n',
  )
  const next = reader.read()
  await journal.append([note('d')])
  expect(idsIn((await next).value ?? '')).toEqual([4])
})

test('no gap and no double while others append', async () => {
  const { journal, start } = open()
  await journal.append(Array.from({ length: 250 }, () => note('old')))
  const appending = (async () => {
    for (let i = 0; i < 250; i++) {
      await journal.append([note('new')])
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const text = await readUntil(start(), (text) => text.includes('id: 500\n'))
  await appending
  expect(idsIn(text)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
})

test('filters by task and type', async () => {
  const { journal, start } = open({ query: { task: 't-1', types: 'note,message' } })
  await journal.append([
    note('x', 't-2'),
    note('x', 't-1'),
    { type: 'usage', at: 0, taskId: 't-1' },
    note('x'),
  ])
  const reader = start()
  expect(idsIn(await readUntil(reader, (text) => text.includes('data: {"'))).slice(-1)).toEqual([2])
  const next = reader.read()
  await journal.append([note('y', 't-2')])
  await journal.append([{ type: 'message', at: 0, taskId: 't-1' }])
  expect(idsIn((await next).value ?? '')).toEqual([6])
})

test('what does not match is neither a reason to read nor read again', async () => {
  const { journal, start } = open({ query: { task: 't-1' } })
  const reader = start()
  await reader.read()
  const next = reader.read()
  await expect.poll(() => journal.reads).toBe(1)
  for (let i = 0; i < 50; i++) await journal.append([note('x', 't-2')])
  expect(journal.reads).toBe(1)
  await journal.append([note('x', 't-1')])
  expect(idsIn((await next).value ?? '')).toEqual([51])
})

test('a slow reader costs no memory: the journal is read as fast as it takes', async () => {
  const { journal, start } = open()
  await journal.append(Array.from({ length: 1_000 }, () => note('old')))
  const reader = start()
  await reader.read()
  await reader.read()
  for (let i = 0; i < 1_000; i++) await journal.append([note('new')])
  expect(journal.reads).toBeLessThanOrEqual(3)
  const rest = await readUntil(reader, (text) => text.includes('id: 2000\n'))
  expect(idsIn(rest)).toHaveLength(1_900)
})

test('a heartbeat every 15 s of silence', async () => {
  const { clock, sleepers } = turnableClock()
  const { start } = open({ clock })
  const reader = start()
  await reader.read()
  const beat = reader.read()
  await expect.poll(() => sleepers.length).toBe(1)
  expect(sleepers[0]?.ms).toBe(15_000)
  sleepers[0]?.wake()
  expect((await beat).value).toBe(': still here\n\n')
})

test('ends with the daemon, after what was written last', async () => {
  const { journal, ending, start } = open()
  const reader = start()
  await reader.read()
  const last = reader.read()
  await journal.append([note('last')])
  ending.abort()
  expect(idsIn((await last).value ?? '')).toEqual([1])
  expect((await reader.read()).done).toBe(true)
})

test('a reader that leaves is forgotten at once', async () => {
  const journal = openTableJournal(':memory:')
  let listening = 0
  const counted = {
    ...journal,
    read: journal.read.bind(journal),
    subscribe: (listener: Parameters<typeof journal.subscribe>[0]) => {
      listening += 1
      const stop = journal.subscribe(listener)
      return () => {
        listening -= 1
        stop()
      }
    },
  }
  const stream = eventStream({
    journal: counted,
    log: silentLog,
    clock: systemClock,
    after: 0,
    filter: {},
    signal: new AbortController().signal,
  })
  const reader = stream.getReader()
  await reader.read()
  const waiting = reader.read()
  await expect.poll(() => listening).toBe(1)
  await reader.cancel()
  await waiting
  expect(listening).toBe(0)
})

test('a journal that fails ends the stream, so that the reader comes back', async () => {
  const { journal, start } = open()
  journal.read = () => Promise.reject(new Error('disk'))
  const reader = start()
  await reader.read()
  const last = (await reader.read()).value ?? ''
  expect(last).toMatch(/^event: failed\ndata: .*"E_INTERNAL"/)
  expect(last).not.toContain('disk')
  expect((await reader.read()).done).toBe(true)
})
