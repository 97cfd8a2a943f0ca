import { expect, test } from 'vitest'
import { makeRepository, type SampleOptions, sampleGit } from '../../test/support/repository.ts'
import { findBase } from './base.ts'

const git = sampleGit(process.cwd())
const base = async (options: SampleOptions, wanted?: string) => {
  const sample = await makeRepository(options)
  return (await findBase(git, sample.path, wanted)).branch
}

test.each([
  ['main beside others', { branch: 'work', branches: ['trunk', 'master', 'main'] }, 'main'],
  ['master', { branch: 'work', branches: ['trunk', 'master'] }, 'master'],
  ['trunk', { branch: 'work', branches: ['trunk'] }, 'trunk'],
  ['the checked-out one', { branch: 'work', branches: ['other'] }, 'work'],
  ['the main branch of origin', { branch: 'develop', branches: ['main'], origin: true }, 'develop'],
  ['bare', { branch: 'main', bare: true }, 'main'],
] as const)('%s', async (_, options, expected) => {
  expect(await base({ ...options, branches: [...('branches' in options ? options.branches : [])] })).toBe(
    expected,
  )
})

test('detached: the only branch, or E_NO_BASE that names them', async () => {
  const sample = await makeRepository({ branch: 'work' })
  await sample.git(['checkout', '--quiet', '--detach'])
  expect(await findBase(git, sample.path)).toEqual({ branch: 'work', commit: await sample.head() })
  await sample.git(['branch', 'other'])
  await expect(findBase(git, sample.path)).rejects.toMatchObject({
    code: 'E_NO_BASE',
    message: expect.stringContaining('there are other, work'),
  })
})

test('the one that is asked for, also when only origin has it', async () => {
  const sample = await makeRepository({ branches: ['release/1.0'], origin: true })
  await sample.git(['branch', '-D', 'release/1.0'])
  for (const wanted of ['release/1.0', 'origin/release/1.0'])
    expect(await findBase(git, sample.path, wanted)).toEqual({
      branch: 'release/1.0',
      commit: await sample.head(),
    })
})

test('a typo suggests near names', async () => {
  const options = { branches: ['develop', 'feature/login'] }
  await expect(base(options, 'devlop')).rejects.toMatchObject({
    code: 'E_NO_BASE',
    message: expect.stringContaining('did you mean develop?'),
  })
  await expect(base(options, 'login')).rejects.toThrow('did you mean feature/login?')
  await expect(base(options, 'zzzzzz')).rejects.toThrow('there are develop, feature/login, main')
})

test.each(['', '-D', '../x', 'HEAD', 'x\ny', '$(id)', 'a'.repeat(100_000)])('never %j', async (wanted) => {
  await expect(base({}, wanted)).rejects.toMatchObject({ code: 'E_NO_BASE' })
})
