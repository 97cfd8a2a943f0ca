import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agent, type Orch, startOrch } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const honest = () => ({ driver: 'command', argv: [agent('commits-without-push')], description: 'Do it' })
const accepted = async (repo: string, more: object = {}) => {
  const [task] = await orch.finished((await orch.submit(repo, [{ ...honest(), ...more }])).id)
  expect(task).toMatchObject({ state: 'accepted' })
  return task
}
const refused = (repo: string, more: object = {}) => orch.submit(repo, [{ ...honest(), ...more }])

describe('task texts', () => {
  const marker = join(temporaryDirectory('orch-marker'), 'x')
  it.each([
    ['a tmux format', `#(touch ${marker})`],
    ['a shell substitution', `$(touch ${marker}) \`touch ${marker}\``],
    ['quotes', `'; touch ${marker}; "`],
    ['newlines', 'first\nsecond\r\nthird'],
    ['escape codes', '\u001b]0;owned\u0007\u001b[31mred'],
    ['an option', '--help'],
    ['100,000 characters', 'x'.repeat(100_000)],
    ['100,000 wide characters', '🚀'.repeat(50_000)],
    ['only marks', '***'],
  ])('%s', async (_, description) => {
    const repository = await makeRepository()
    const task = await accepted(repository.path, { description })
    expect(existsSync(marker)).toBe(false)
    expect(task?.title).toMatch(/^\P{Cc}{1,72}$/u)
    expect(task?.description).toBe(description)
  })

  it('arguments reach the program unchanged', async () => {
    const repository = await makeRepository()
    const args = ['$(id)', '#(touch x)', "it's", 'a\nb', '', '*', '\\', '-e']
    const task = await accepted(repository.path, { argv: [agent('prints-arguments'), ...args] }).catch(
      () => undefined,
    )
    const [last] = (await orch.client.call('status', { query: { repo: repository.path } })).tasks
    const { text } = await orch.client.call('log', { params: { id: last?.id ?? '' }, query: {} })
    for (const part of args.filter((it) => it && !it.includes('\n'))) expect(text).toContain(part)
    expect(task).toBeUndefined()
  })

  it.each([
    ['empty', { description: '' }],
    ['NUL', { description: 'a\0b' }],
    ['too long', { description: 'x'.repeat(200_001) }],
    ['wrong type', { description: 7 }],
    ['unknown field', { colour: 'red' }],
    ['base with ../', { base: '../x' }],
    ['base as an option', { base: '--upload-pack=x' }],
    ['profile with ../', { profile: '../general' }],
    ['unknown profile', { profile: 'nobody' }],
    ['unknown agent', { driver: 'clippy', argv: undefined }],
    ['argv for another driver', { driver: 'claude' }],
    ['tries 0', { tries: 0 }],
  ])('%s is refused, and nothing is queued', async (_, more) => {
    const repository = await makeRepository()
    await expect(refused(repository.path, more)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_(INVALID|NO_AGENT)$/),
      fix: expect.any(String),
    })
    expect((await orch.client.call('status', { query: { repo: repository.path } })).tasks).toEqual([])
  })

  it('a program that is not there ends the task at once, whatever tries are left', async () => {
    const repository = await makeRepository()
    const [task] = await orch.finished(
      (await refused(repository.path, { argv: ['no-such-program'], tries: 3 })).id,
    )
    expect(task).toMatchObject({ state: 'dead', attempt: 1, reason: { code: 'E_PROGRAM_MISSING' } })
  })
})

describe('repositories', () => {
  it.each(['with space', "quote's", '$(id)', '#(touch x)', 'new\nline', 'ünï-cødé', '-dash', '*'])(
    'a path with %j works',
    async (name) => {
      const repository = await makeRepository({ name })
      await accepted(repository.path)
      expect(existsSync(join(repository.path, 'x'))).toBe(false)
    },
  )

  it('a dirty one works and stays as it is', async () => {
    const repository = await makeRepository()
    await repository.write({ 'README.md': 'mine\n', 'new.txt': 'new\n' })
    const before = await repository.git(['status', '--porcelain=v2'])
    await accepted(repository.path)
    expect(await repository.git(['status', '--porcelain=v2'])).toBe(before)
  })

  it('a detached head works from the main branch', async () => {
    const repository = await makeRepository({ commits: 2 })
    await repository.git(['checkout', '--quiet', '--detach', 'HEAD^'])
    expect((await accepted(repository.path))?.base).toBe('main')
  })

  it('a shallow one works', async () => {
    const full = await makeRepository({ commits: 5 })
    const shallow = join(temporaryDirectory(), 'shallow')
    await full.git(['clone', '--quiet', '--depth', '1', `file://${full.path}`, shallow])
    await accepted(shallow)
  })

  it('a bare one works', async () => {
    const repository = await makeRepository({ bare: true, name: 'it.git' })
    await accepted(repository.path)
  })

  it('one without a main branch works from the branch that there is', async () => {
    const repository = await makeRepository({ branch: 'stable' })
    expect((await accepted(repository.path))?.base).toBe('stable')
  })

  it('a subdirectory and a linked worktree mean their repository', async () => {
    const repository = await makeRepository({ files: { 'deep/down/file': 'x' } })
    const linked = join(temporaryDirectory(), 'linked')
    await repository.git(['worktree', 'add', '--quiet', linked])
    expect((await accepted(join(repository.path, 'deep/down')))?.repo).toBe(repository.path)
    expect((await accepted(linked))?.repo).toBe(repository.path)
  })

  it('a user’s branch called orch is no obstacle', async () => {
    const repository = await makeRepository({ branches: ['orch'] })
    expect((await accepted(repository.path))?.branch).toMatch(/^orch-/)
  })

  it('what is no repository is refused with what to do', async () => {
    const plain = temporaryDirectory()
    mkdirSync(join(plain, 'sub'))
    await expect(refused(plain)).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
    await expect(refused(join(plain, 'missing'))).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
    const unborn = await makeRepository({ commits: 0 })
    await expect(refused(unborn.path)).rejects.toMatchObject({ code: 'E_NO_COMMIT' })
  })

  it('a base that is not there is refused with those that are', async () => {
    const repository = await makeRepository({ branches: ['release'] })
    await expect(refused(repository.path, { base: 'relaese' })).rejects.toMatchObject({
      code: 'E_NO_BASE',
      message: expect.stringContaining('release'),
    })
  })

  it('broken settings of a repository are refused with their place', async () => {
    const repository = await makeRepository()
    await repository.write({ '.orch/config.yaml': 'tries: many\n' })
    await expect(refused(repository.path)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('.orch/config.yaml'),
    })
  })
})

it('no git identity is refused before anything starts', async () => {
  const bare = await startOrch({
    GIT_AUTHOR_NAME: '',
    GIT_AUTHOR_EMAIL: '',
    GIT_COMMITTER_NAME: '',
    GIT_COMMITTER_EMAIL: '',
    GIT_CONFIG_NOSYSTEM: '1',
  })
  try {
    const repository = await makeRepository({ identity: false })
    await repository.git(['config', 'user.useConfigOnly', 'true'])
    await expect(bare.submit(repository.path, [honest()])).rejects.toMatchObject({ code: 'E_NO_IDENTITY' })
  } finally {
    await bare.close()
  }
})
