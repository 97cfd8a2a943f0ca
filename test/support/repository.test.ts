import { existsSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { makeRepository, manyFiles, type SampleRepository } from './repository.ts'
import { temporaryDirectory } from './temporary.ts'

let shared: SampleRepository
beforeAll(async () => {
  shared = await makeRepository({ files: manyFiles(100), commits: 3, branches: ['other'], origin: true })
})

test('a sample has the history, branches and origin that were asked for', async () => {
  expect(await shared.git(['rev-list', '--count', 'HEAD'])).toBe('3')
  expect(await shared.git(['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).toBe('main\nother')
  expect(await shared.git(['rev-parse', '--abbrev-ref', 'origin/HEAD'])).toBe('origin/main')
  expect((await shared.git(['ls-files'])).split('\n')).toHaveLength(101)
})

test('a bare sample and one without a commit', async () => {
  const bare = await makeRepository({ bare: true, name: 'it.git' })
  expect(await bare.git(['rev-parse', '--is-bare-repository'])).toBe('true')
  expect(await bare.head()).toMatch(/^[0-9a-f]{40}$/)
  const unborn = await makeRepository({ commits: 0 })
  await expect(unborn.head()).rejects.toMatchObject({ code: 'E_GIT' })
})

let left = ''
test('a temporary directory is there during the test', () => {
  left = temporaryDirectory()
  expect(existsSync(left)).toBe(true)
})
test('and gone after it', () => {
  expect(existsSync(left)).toBe(false)
})
