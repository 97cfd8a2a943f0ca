import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
import { makeRepository, sampleEnv } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { createCommandDriver } from '../../agent/command.ts'
import { configSchema } from '../../config/schema.ts'
import { profileHandlers } from '../../daemon/handlers/profile.ts'
import { createRepositories } from '../../daemon/repositories.ts'
import { exec } from '../../exec.ts'
import { createGit } from '../../git.ts'
import { createProfiles } from '../../profile/profiles.ts'

/** The commands over the real handlers: a repository, a user's directory, a place that is no repository. */
async function here(files: Record<string, string> = {}) {
  const config = configSchema.parse({})
  const profiles = createProfiles({ userDirectory: join(temporaryDirectory('orch-user'), 'profiles') })
  const repositories = createRepositories({ git: createGit(exec, sampleEnv, '/'), exec, env: sampleEnv })
  const drivers = new Map([['command', createCommandDriver({ env: {} })]])
  const needed = { profiles, repositories, drivers, config, settings: async () => config }
  const { state } = await fakeDaemon(profileHandlers(needed))
  const repository = await makeRepository({ directory: temporaryDirectory('orch-profiles') })
  const cwd = repository.path
  const { user, project = '' } = profiles.directories(cwd)
  mkdirSync(user, { recursive: true })
  mkdirSync(project, { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    const [place, name = ''] = path.split('/')
    writeFileSync(join(place === 'user' ? user : project, name), text)
  }
  const run = (line: string, at = cwd) => orch(line.split(' '), { state, cwd: at })
  const json = async (line: string, at = cwd) => {
    const { code, out, err } = await run(`${line} --json`, at)
    return { code, err, ...JSON.parse(out || err) }
  }
  return { run, json, user, project, elsewhere: temporaryDirectory('orch-elsewhere') }
}

const file = (name: string, description: string, more = '') =>
  `---\nname: ${name}\ndescription: ${description}\n${more}---\nBe careful.\n`

test('list: each with where it comes from; what is hidden below what hides it', async () => {
  const { run, json, elsewhere } = await here({
    'user/worker.md': file('worker', 'mine', 'driver: claude\nmodel: haiku\n'),
    'project/worker.md': file('worker', 'ours'),
    'project/broken.md': 'Hello',
  })
  const { code, out, err } = await run('profiles list')
  expect(code).toBe(0)
  expect(out.split('\n')[0]).toMatch(/^NAME +FROM +AGENT +MODEL +DESCRIPTION +CAPABILITIES$/)
  expect(out.split('\n').filter((line) => line.startsWith('worker'))).toEqual([
    expect.stringMatching(/^worker +project +standard +ours$/),
    expect.stringMatching(/^worker +built-in, hidden +fast +Small, .* +code tests/),
    expect.stringMatching(/^worker +user, hidden +claude +haiku +mine$/),
  ])
  expect(err).toMatch(/^cannot be used: .*\/broken\.md:1: there is no header.*\n$/)
  const document = await json('profiles list')
  expect(document).toMatchObject({ kind: 'profiles', err: '', faults: [expect.any(String)] })
  expect(document.profiles).toContainEqual(
    expect.objectContaining({ name: 'worker', origin: 'user', model: 'haiku', hiddenBy: 'project' }),
  )
  const outside = await json('profiles list', elsewhere)
  expect(outside.directories).toEqual({ user: expect.any(String) })
  expect(outside.profiles).toContainEqual(expect.objectContaining({ name: 'worker', origin: 'user' }))
})

test('show: the file as it is, and beside it where it is and what is odd', async () => {
  const text = file('careful', 'C', 'color: red\n')
  const { run, json, project } = await here({ 'project/careful.md': text })
  const place = join(project, 'careful.md')
  expect(await run('profiles show careful')).toEqual({
    code: 0,
    out: text,
    err: `project: ${place}\nnote: ${place}:4: "color" means nothing to Orch\n`,
  })
  expect(await json('profiles show careful')).toMatchObject({
    kind: 'profile',
    name: 'careful',
    prompt: 'Be careful.',
    text,
    file: place,
    err: '',
  })
})

test.each([
  ['show nobody', 2, /^error: there is no profile nobody; there are .*worker\ncode: E_INVALID/],
  ['show ../../etc/passwd', 2, /E_INVALID/],
  ['show broken', 2, /broken\.md:1: there is no header.*\ncode: E_CONFIG/s],
  ['new Wrong_Name', 2, /1 to 40 small letters/],
  ['new x --from nobody', 2, /there is no profile nobody/],
  ['new x --from broken', 2, /E_CONFIG/],
  ['list --repo /nonexistent', 4, /E_NOT_A_REPOSITORY/],
  ['frobnicate', 2, /E_USAGE/],
])('profiles %s: exit code %i', async (line, code, err) => {
  const { run } = await here({ 'project/broken.md': 'Hello' })
  expect(await run(`profiles ${line}`)).toEqual({ code, out: '', err: expect.stringMatching(err) })
})

test('new: for the repository or for the user, from the one of its name or another one', async () => {
  const { run, json, user, project, elsewhere } = await here()
  const careful = join(project, 'careful.md')
  expect(await run('profiles new careful')).toEqual({
    code: 0,
    out: `wrote ${careful}, from general\n`,
    err: '',
  })
  expect(readFileSync(careful, 'utf8')).toMatch(/^---\nname: careful\ndescription: Any task/)
  expect(await json('profiles new reviewer --user')).toMatchObject({
    kind: 'profile-made',
    from: 'reviewer',
    file: join(user, 'reviewer.md'),
  })
  expect(await json('profiles new fast --from worker --user', elsewhere)).toMatchObject({ from: 'worker' })
  expect(await run('profiles check')).toMatchObject({ code: 0 })
  writeFileSync(careful, 'mine')
  expect(await run('profiles new careful --from worker')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^error: .*careful\.md is there already\ncode: E_INVALID/),
  })
  expect(readFileSync(careful, 'utf8')).toBe('mine')
  expect(await run('profiles new other', elsewhere)).toMatchObject({
    code: 4,
    err: expect.stringMatching(/E_NOT_A_REPOSITORY\nwhat to do: .*--user/),
  })
})

test('check: good files, with their warnings', async () => {
  const { run, json, elsewhere } = await here({ 'user/a.md': file('a', 'A', 'color: red\n') })
  expect(await run('profiles check')).toEqual({
    code: 0,
    out: expect.stringMatching(/^warning {2}.*a\.md:4: "color" means nothing to Orch\n1 file: good\n$/),
    err: '',
  })
  expect(await json('profiles check', elsewhere)).toMatchObject({
    kind: 'profiles-checked',
    checked: [{ name: 'a', faults: [], warnings: [expect.any(String)] }],
  })
})

test('check: each fault, and what is named that is not there; exit code 1', async () => {
  const { run, json, project } = await here({
    'user/good.md': file('good', 'G'),
    'project/bad.md': '---\ntier: 7\nmodel: [x]\n---\n',
    'project/far.md': file('far', 'F', 'driver: hal\nfallback: command, cray\nmcp: [memory]\n'),
  })
  const { code, out, err } = await run('profiles check')
  expect({ code, err }).toEqual({ code: 1, err: '' })
  const lines = out.trimEnd().split('\n')
  expect(lines.slice(0, -1)).toHaveLength(5)
  expect(lines.slice(0, -1).every((line) => line.startsWith('fault    '))).toBe(true)
  expect(out).toMatch(/bad\.md:2: tier: .*bad\.md:3: model: /s)
  expect(out).toMatch(
    /no agent program hal; .*no agent program cray; .*no MCP server memory; declared are none/s,
  )
  expect(lines.at(-1)).toBe('3 files, 2 cannot be used')
  const named = join(project, 'bad.md')
  expect(await json(`profiles check ${named}`)).toMatchObject({
    code: 1,
    checked: [{ file: named, faults: [expect.any(String), expect.any(String)] }],
  })
  expect(await run(`profiles check .orch/profiles/nobody.md ${named}`)).toMatchObject({
    code: 1,
    out: expect.stringContaining('nobody.md: cannot be read: there is no such file'),
  })
})
