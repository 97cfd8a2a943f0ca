import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { parseProfile } from './parse.ts'
import { createProfiles } from './profiles.ts'

const text = (name: string, description = '') =>
  `---\nname: ${name}\ndescription: ${description}\n---\nPrompt.\n`

/** Directories of all three kinds, with files by `kind/name`. */
function places(files: Record<string, string | Buffer> = {}) {
  const root = temporaryDirectory('orch-profiles')
  const directories = {
    'built-in': join(root, 'built-in'),
    user: join(root, 'user'),
    project: join(root, 'repo', '.orch', 'profiles'),
  }
  const at = (path: string) =>
    join(directories[dirname(path) as keyof typeof directories] ?? '', basename(path))
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), content)
  }
  write('built-in/general.md', text('general', 'as it comes'))
  for (const [path, content] of Object.entries(files)) write(path, content)
  const profiles = createProfiles({
    builtinDirectory: directories['built-in'],
    userDirectory: directories.user,
  })
  return { profiles, repo: join(root, 'repo'), at, write, directories }
}

const described = (found: { profile: { name: string; description: string } }[]) =>
  found.map(({ profile }) => `${profile.name}: ${profile.description}`)

describe('what is built in', () => {
  const directory = join(import.meta.dirname, 'builtin')
  const names = [
    'backend-api-developer',
    'coordinator',
    'database-optimizer',
    'docs-writer',
    'frontend-builder',
    'general',
    'project-manager',
    'reviewer',
    'security-auditor',
    'specialist',
    'test-suite-developer',
    'worker',
  ]
  it('is all there, without fault or warning', async () => {
    const profiles = createProfiles({ userDirectory: '/nonexistent' })
    const { profiles: found, hidden, faults } = await profiles.list(undefined)
    expect(found.map(({ profile }) => profile.name)).toEqual(names)
    expect({ hidden, faults }).toEqual({ hidden: [], faults: [] })
    for (const { warnings, profile, origin } of found) {
      expect({ warnings, origin }).toEqual({ warnings: [], origin: 'built-in' })
      expect(profile.description).toMatch(/^[A-Z].{20,120}\.$/)
      expect(profile.capabilities.length).toBeGreaterThan(2)
      expect(profile.prompt).toMatch(/^Done means: /m)
    }
  })

  it('has the models that its work is worth', async () => {
    const profiles = createProfiles({ userDirectory: '/nonexistent' })
    expect(await profiles.find(undefined, 'coordinator')).toMatchObject({ tier: 'strong' })
    expect(await profiles.find(undefined, 'worker')).toMatchObject({ tier: 'fast' })
    expect(await profiles.find(undefined, 'specialist')).toMatchObject({ tier: 'standard' })
  })

  it.each(['coordinator', 'worker'])('%s knows when and how to delegate', (name) => {
    const text = readFileSync(join(directory, `${name}.md`), 'utf8')
    expect(text).toContain('`delegate` (`orch agent delegate`)')
  })

  it.each(readdirSync(directory))('%s names no agent program', (name) => {
    const parsed = parseProfile(readFileSync(join(directory, name), 'utf8'), name.slice(0, -3))
    expect(parsed).toMatchObject({ profile: expect.not.objectContaining({ driver: expect.anything() }) })
  })
})

describe('of the same name', () => {
  const files = {
    'user/general.md': text('general', "the user's"),
    'project/general.md': text('general', "the project's"),
    'user/mine.md': text('mine', 'only mine'),
  }

  it('the later hides the earlier', async () => {
    const { profiles, repo } = places(files)
    const { profiles: found, hidden, faults } = await profiles.list(repo)
    expect(described(found)).toEqual(["general: the project's", 'mine: only mine'])
    expect(found[0]).toMatchObject({
      origin: 'project',
      warnings: [expect.stringContaining('hides the user profile')],
    })
    expect(described(hidden)).toEqual(['general: as it comes', "general: the user's"])
    expect(faults).toEqual([])
    expect(await profiles.find(repo, 'general')).toMatchObject({ description: "the project's" })
  })

  it('outside of a repository there are those of the user', async () => {
    const { profiles } = places(files)
    expect(described((await profiles.list(undefined)).profiles)).toEqual([
      "general: the user's",
      'mine: only mine',
    ])
  })

  it('two in one directory: the one that is called like its file counts, and the other is told', async () => {
    const { profiles, repo, at } = places({
      'project/a.md': text('mine', 'first'),
      'project/mine.md': text('mine', 'second'),
    })
    const { profiles: found, faults } = await profiles.list(repo)
    expect(described(found)).toContain('mine: second')
    expect(faults).toEqual([
      `${at('project/a.md')}: there is a profile mine in ${at('project/mine.md')} already`,
    ])
  })
})

describe('a broken file', () => {
  const huge = `${text('huge')}${'x'.repeat(100_000)}`
  it.each([
    ['no header', 'Hello', '1: there is no header'],
    ['a wrong type', '---\ntier: 7\n---\n', '2: tier: Invalid option'],
    ['too large', huge, ' is larger than 100 kB'],
    ['not UTF-8', Buffer.from([...Buffer.from('---\n---\n'), 0xff]), ' is not UTF-8'],
    ['UTF-16', Buffer.from(text('x'), 'utf16le'), '1: there is a character'],
    ['NUL', '---\n---\n\0', '3: there is a character'],
  ])('%s: is told, and hides nothing', async (_, content, message) => {
    const { profiles, repo, at } = places({ 'project/general.md': content, 'user/mine.md': text('mine') })
    const { profiles: found, faults } = await profiles.list(repo)
    expect(described(found)).toEqual(['general: as it comes', 'mine: '])
    expect(faults).toEqual([expect.stringContaining(`${at('project/general.md')}:${message}`)])
  })

  it('is not stood in for by one that it would hide', async () => {
    const { profiles, repo, at } = places({ 'project/general.md': '---\npermissions: none\n---\n' })
    await expect(profiles.find(repo, 'general')).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining(`${at('project/general.md')}:2: permissions: `),
    })
    expect(await profiles.find(undefined, 'general')).toMatchObject({ description: 'as it comes' })
  })

  it.each([
    ['a directory', (path: string) => mkdirSync(path), 'is no file'],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path]), 'is no file'],
    ['a link to itself', (path: string) => symlinkSync(path, path), 'leads to itself'],
    ['a link to nothing', (path: string) => symlinkSync('nothing', path), 'there is no such file'],
    ['a device', (path: string) => symlinkSync('/dev/zero', path), 'is no file'],
  ])('%s', async (_, make, message) => {
    const { profiles, repo, at } = places({ 'project/good.md': text('good') })
    make(at('project/x.md'))
    const { profiles: found, faults } = await profiles.list(repo)
    expect(described(found)).toContain('good: ')
    expect(faults).toEqual([expect.stringContaining(message)])
    await expect(profiles.find(repo, 'x')).rejects.toMatchObject({ code: 'E_CONFIG' })
  })
})

describe('directories', () => {
  it('that are not there hold nothing', async () => {
    const profiles = createProfiles({ userDirectory: '/dev/null/profiles' })
    expect(await profiles.list('/nonexistent')).toMatchObject({ hidden: [], faults: [] })
  })

  it('may be a link to the sub-agents of an agent program', async () => {
    const { profiles, repo, write, directories } = places({ 'user/reviewer.md': text('reviewer', 'linked') })
    write('user/README.md', 'About these')
    write('user/.hidden.md', 'x')
    write('user/notes.txt', 'x')
    mkdirSync(dirname(directories.project), { recursive: true })
    symlinkSync(directories.user, directories.project)
    const { profiles: found, faults } = await profiles.list(repo)
    expect(found.map(({ origin, profile }) => `${origin} ${profile.name}`)).toEqual([
      'built-in general',
      'project reviewer',
    ])
    expect(faults).toEqual([])
  })

  it('that lead in a circle are told', async () => {
    const { profiles, repo, directories } = places()
    mkdirSync(dirname(directories.project), { recursive: true })
    symlinkSync('profiles', directories.project)
    expect((await profiles.list(repo)).faults).toEqual([expect.stringContaining('ELOOP')])
    expect(await profiles.check(repo)).toEqual([expect.objectContaining({ file: directories.project })])
  })

  it('with too many files are told', async () => {
    const many = Array.from({ length: 501 }, (_, index) => [
      `user/p${1_000 + index}.md`,
      text(`p${1_000 + index}`),
    ])
    const { profiles } = places(Object.fromEntries(many))
    const { profiles: found, faults } = await profiles.list(undefined)
    expect(found).toHaveLength(501)
    expect(faults).toEqual([expect.stringContaining('only the first 500')])
  })
})

describe('find', () => {
  it('names those that there are', async () => {
    const { profiles, repo } = places({ 'user/mine.md': text('mine'), 'user/bad.md': '' })
    await expect(profiles.find(repo, 'nobody')).rejects.toMatchObject({
      code: 'E_INVALID',
      message: 'there is no profile nobody; there are general, mine',
    })
  })

  it('goes by the name in the header', async () => {
    const { profiles, repo } = places({ 'user/file.md': text('other') })
    expect(await profiles.find(repo, 'other')).toMatchObject({ name: 'other' })
    await expect(profiles.find(repo, 'file')).rejects.toMatchObject({ code: 'E_INVALID' })
  })

  it('sees at once what was changed, also within the same second', async () => {
    const { profiles, repo, write, at } = places({ 'user/mine.md': text('mine', 'one') })
    expect(await profiles.find(repo, 'mine')).toMatchObject({ description: 'one' })
    write('user/mine.md', text('mine', 'two'))
    utimesSync(at('user/mine.md'), 1, 1)
    expect(await profiles.find(repo, 'mine')).toMatchObject({ description: 'two' })
    write('user/mine.md', text('mine', 'six'))
    utimesSync(at('user/mine.md'), 1, 1)
    expect(await profiles.find(repo, 'mine')).toMatchObject({ description: 'six' })
  })
})

describe('check', () => {
  it('looks at the files of user and repository, or at those that are named', async () => {
    const { profiles, repo, at } = places({
      'user/a.md': text('b'),
      'project/bad.md': 'x',
      'project/good.md': text('good'),
    })
    const all = await profiles.check(repo)
    expect(all.map(({ file, faults, warnings }) => [basename(file), faults.length, warnings.length])).toEqual(
      [
        ['a.md', 0, 1],
        ['bad.md', 1, 0],
        ['good.md', 0, 0],
      ],
    )
    expect(await profiles.check(repo, [at('project/good.md'), '/nonexistent/x.md'])).toEqual([
      expect.objectContaining({ profile: expect.objectContaining({ name: 'good' }), faults: [] }),
      expect.objectContaining({ faults: ['/nonexistent/x.md: cannot be read: there is no such file'] }),
    ])
  })
})
