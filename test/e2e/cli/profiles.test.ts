import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Profiles as a person makes and uses them, over the compiled program; the tests follow each other. */

let program: Program
let cwd: string
beforeAll(async () => {
  program = makeProgram()
  cwd = (await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })).path
})
afterAll(() => program.close())

const run = (profile: string, ...more: string[]) =>
  program.orch(
    [
      'run',
      '--json',
      '--profile',
      profile,
      '--runtime',
      'process',
      '-a',
      'command',
      ...more,
      'x',
      '--',
      ...works(`${profile}.txt`),
    ],
    { cwd },
  )
const write = (path: string, text: string) => {
  const file = join(cwd, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

it('the built-in ones come with the program', async () => {
  const { profiles, faults } = await program.json(['profiles', 'list'], { cwd })
  expect({ count: profiles.length, faults }).toEqual({ count: 12, faults: [] })
})

it('one that was made is used at once, and gives its agents their name', async () => {
  expect(await program.orch(['profiles', 'new', 'careful', '--from', 'worker'], { cwd })).toMatchObject({
    code: 0,
  })
  expect(existsSync(join(cwd, '.orch/profiles/careful.md'))).toBe(true)
  expect(await program.orch(['profiles', 'check'], { cwd })).toMatchObject({ code: 0, out: '1 file: good\n' })
  const { code, out } = await run('careful')
  expect(code).toBe(0)
  expect(JSON.parse(out).tasks[0]).toMatchObject({ profile: 'careful', state: 'accepted' })
  expect(JSON.parse(out).tasks[0].agent).toMatch(/^careful-/)
})

it("the user's own lie beside the user's configuration", async () => {
  const { file } = await program.json(['profiles', 'new', 'mine', '--user'])
  expect(file).toBe(join(program.env.HOME ?? '', '.config/orch/profiles/mine.md'))
  const { profiles } = await program.json(['profiles', 'list'])
  expect(profiles.map((it: { name: string }) => it.name)).toContain('mine')
})

it('one that there is not, or that is broken, is refused before anything is begun', async () => {
  const unknown = await run('nobody')
  expect(unknown).toMatchObject({ code: 2, out: '' })
  expect(JSON.parse(unknown.err).error).toMatchObject({
    code: 'E_INVALID',
    message: expect.stringMatching(/no profile nobody; there are .*careful/),
  })
  write('.orch/profiles/general.md', '---\ntools: 7\n---\n')
  const broken = await run('general')
  expect(broken).toMatchObject({ code: 2, out: '' })
  expect(JSON.parse(broken.err).error).toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringMatching(/\.orch\/profiles\/general\.md:2: tools: /),
  })
  expect(await program.orch(['profiles', 'check'], { cwd })).toMatchObject({ code: 1 })
  rmSync(join(cwd, '.orch/profiles/general.md'))
})

it('profiles in config.yaml are refused with what to do', async () => {
  const file = write('.orch/config.yaml', 'profiles: { careful: { prompt: Be careful. } }\n')
  const { code, err } = await program.orch(['config', 'show'], { cwd })
  expect(code).toBe(2)
  expect(err).toContain(
    `${file}: profiles are files of their own now: ${join(cwd, '.orch/profiles/careful.md')}`,
  )
  expect(err).toMatch(/what to do: .*orch profiles new NAME/)
  rmSync(file)
})
