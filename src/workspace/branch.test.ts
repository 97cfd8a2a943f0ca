import { expect, test } from 'vitest'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { branchName } from '../task/task.ts'
import { branchNamer, slug } from './branch.ts'

const git = sampleGit(process.cwd())
const ID = 't-0123456789ab'

test.each([
  ['Fix the failing tests', 'fix-the-failing-tests'],
  ['Größe & Façade!', 'grosse-facade'],
  ['../../etc/passwd', 'etc-passwd'],
  ['$(id) #(touch x) `ls`', 'id-touch-x-ls'],
  ['日本語', 'task'],
  ['', 'task'],
  ['\u0000\u001b[31m', '31m'],
  ['one two three four five six seven eight nine ten', 'one-two-three-four-five-six-seven-eight'],
  ['x'.repeat(100_000), 'x'.repeat(40)],
])('slug of %j', (title, expected) => {
  expect(slug(title)).toBe(expected)
})

const free = async (branches: string[], prefix = 'orch/', options = {}) => {
  const sample = await makeRepository({ branches, ...options })
  const name = (await branchNamer(git, sample.path))(prefix, 'Fix it', ID)
  await sample.git(['branch', name])
  expect(branchName.parse(name)).toBe(name)
  return name
}

test('the readable name with the end of the id', async () => {
  expect(await free([])).toBe('orch/fix-it-6789ab')
  expect(await free([], 'ai-')).toBe('ai-fix-it-6789ab')
})

test('a name that is taken, a directory in the way, a file in the way', async () => {
  expect(await free(['orch/fix-it-6789ab'])).toBe('orch-fix-it-6789ab')
  expect(await free(['orch/fix-it-6789ab/x'])).toBe('orch-fix-it-6789ab')
  expect(await free(['orch'])).toBe('orch-fix-it-6789ab')
  expect(await free(['ORCH'])).toBe('orch-fix-it-6789ab')
  expect(await free(['orch', 'orch-fix-it-6789ab', `orch-${ID}`])).toMatch(/^orch-t-0123456789ab-\d$/)
})

test('on the side of the remote too', async () => {
  const sample = await makeRepository({ branches: ['orch'], origin: true })
  await sample.git(['branch', '-D', 'orch'])
  expect((await branchNamer(git, sample.path))('orch/', 'Fix it', ID)).toBe('orch-fix-it-6789ab')
})
