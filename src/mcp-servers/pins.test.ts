import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { fingerprint } from './fingerprint.ts'
import { createPins } from './pins.ts'

const shown = (name: string, ...tools: string[]) =>
  fingerprint(
    { name, command: ['x'], env: [] },
    { tools: tools.map((it) => ({ name: it, inputSchema: {} })) },
  )

function pinsIn(state = temporaryDirectory('pins')) {
  const file = join(state, 'pins.json')
  return { state, file, pins: createPins({ file, now: () => 0 }) }
}

test('there are none at first', async () => {
  expect(await pinsIn().pins.all()).toEqual([])
})

test('a pin belongs to repository and name, and a new one takes its place', async () => {
  const { pins, file, state } = pinsIn()
  await pins.put([[{ name: 'a' }, shown('a', 'one')]])
  await pins.put([[{ repo: '/r', name: 'a' }, shown('a', 'two')]])
  await pins.put([[{ name: 'a' }, shown('a', 'three')]])
  const all = await createPins({ file, now: () => 0 }).all()
  expect(all.map(({ repo, tools }) => [repo, tools[0]?.[0]])).toEqual([
    ['/r', 'two'],
    [undefined, 'three'],
  ])
  expect(all[0]).toMatchObject({ ...shown('a', 'two'), at: '1970-01-01T00:00:00.000Z' })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(state)).toEqual(['pins.json'])
})

test('of two that pin at first use the first one stays', async () => {
  const { pins } = pinsIn()
  const [one, two] = await Promise.all([
    pins.put([[{ name: 'a' }, shown('a', 'one')]], { first: true }),
    pins.put([[{ name: 'a' }, shown('a', 'two')]], { first: true }),
  ])
  expect(one).toEqual(two)
  expect((await pins.all()).map(({ tools }) => tools[0]?.[0])).toEqual(['one'])
})

test('fifty at once: none is lost', async () => {
  const { pins } = pinsIn()
  const names = Array.from({ length: 50 }, (_, n) => `s${n}`)
  await Promise.all(names.map((name) => pins.put([[{ name }, shown(name)]])))
  expect((await pins.all()).map(({ name }) => name)).toEqual(names)
  expect(await pins.remove([{ name: 's1' }, { name: 's2' }, { repo: '/r', name: 's3' }])).toBe(2)
  expect(await pins.all()).toHaveLength(48)
})

test.each(['', '{', '[]', '{"version":2,"pins":[]}', '{"version":1,"pins":[{"name":"a"}]}'])(
  'a damaged file (%j) counts for no approval and is not overwritten',
  async (text) => {
    const { pins, file } = pinsIn()
    writeFileSync(file, text)
    await expect(pins.all()).rejects.toMatchObject({ code: 'E_STORE', fix: expect.stringContaining(file) })
    await expect(pins.put([[{ name: 'a' }, shown('a')]])).rejects.toMatchObject({ code: 'E_STORE' })
    expect(readFileSync(file, 'utf8')).toBe(text)
  },
)

test('one that fails does not hold up the next', async () => {
  const { pins, file } = pinsIn()
  writeFileSync(file, '{')
  const failing = pins.put([[{ name: 'a' }, shown('a')]])
  const next = failing
    .catch(() => writeFileSync(file, '{"version":1,"pins":[]}'))
    .then(() => pins.put([[{ name: 'b' }, shown('b')]]))
  await expect(failing).rejects.toThrow()
  expect(await next).toHaveLength(1)
})
