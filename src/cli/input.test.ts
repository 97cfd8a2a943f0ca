import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { readInput } from './input.ts'

async function* from(...chunks: (string | number[])[]) {
  for (const chunk of chunks) yield Buffer.from(chunk as string)
}

test('characters that are cut between chunks come whole', async () => {
  const stdin = from([0xe2, 0x82], [0xac])
  expect(await readInput('-', { stdin })).toEqual({ name: 'standard input', text: '€' })
})

test('a byte order mark is no text', async () => {
  expect((await readInput('-', { stdin: from('\ufeffx') })).text).toBe('x')
})

test('the line that is not UTF-8 is named', async () => {
  const path = join(temporaryDirectory(), 'tasks.yaml')
  writeFileSync(path, Buffer.concat([Buffer.from('- one\n- tw\u00f6\n- '), Buffer.from([0xff, 0x0a])]))
  await expect(readInput(path, { stdin: from() })).rejects.toMatchObject({
    code: 'E_INVALID',
    message: `${path}:3: not UTF-8`,
  })
})

test('more than is wanted is refused before it is read to its end', async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(1_000)
  }
  await expect(readInput('-', { stdin: endless(), largest: 5_000 })).rejects.toMatchObject({
    code: 'E_INVALID',
  })
  await expect(readInput('/dev/zero', { stdin: from(), largest: 100_000 })).rejects.toMatchObject({
    code: 'E_INVALID',
    message: '/dev/zero: more than 100000 bytes',
  })
})

test.each([
  ['/nonexistent/tasks.yaml', 'E_NOT_FOUND'],
  ['/', 'E_INVALID'],
])('%s is %s', async (path, code) => {
  await expect(readInput(path, { stdin: from() })).rejects.toMatchObject({ code })
})
