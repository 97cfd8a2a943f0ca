import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exec } from '../../../src/exec.ts'
import { agent, until } from '../../support/orch.ts'
import { makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository, type SampleRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** From the pull request into the person's repository, and what is left after that. */

let program: Program
let repository: SampleRepository
let cwd: string
beforeAll(async () => {
  program = makeProgram()
  repository = await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })
  cwd = repository.path
})
afterAll(() => program.close())

const run = async (argv: string[], ...options: string[]) => {
  const ran = await program.orch(['run', ...options, '--json', '--agent', 'command', '--', ...argv], { cwd })
  return JSON.parse(ran.out).tasks[0]
}
const pr = (...words: string[]) => program.orch(['pr', ...words], { cwd })

it('list, show, diff, check, review and merge', async () => {
  expect((await pr('list')).out).toBe('no pull requests\n')
  const { id } = await run(works('a-file.txt'), '--title', 'Add a file')
  expect((await pr('list')).out).toBe(
    `PR  STATE  TASK            INTO  TITLE\n#1  open   ${id}  main  Add a file\n`,
  )
  expect((await pr('show', '1')).out).toMatch(
    /^#1 Add a file\nstate +open\nbranch +orch\/add-a-file-\w+ into main\n[\s\S]*\nADDED +REMOVED +FILE\n +\+1 +−0 +a-file\.txt\n$/,
  )
  const { out: diff } = await pr('diff', '1')
  const applied = await exec(['git', 'apply', '--check'], { cwd, env: program.env, input: diff })
  expect(applied).toMatchObject({ code: 0 })

  await pr('check', '1', '--name', 'lint', '--state', 'failure')
  expect(await pr('merge', '1')).toMatchObject({ code: 1, err: expect.stringMatching(/lint[\s\S]*E_CHECKS/) })
  await pr('check', '1', '--name', 'lint', '--state', 'success')
  expect((await pr('review', '1', '--approve')).out).toBe('reviewed #1: approve\n')
  const merged = await pr('merge', '1')
  expect(merged).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^merged #1 as \w{12}\nmain is at /),
  })
  expect(readFileSync(join(cwd, 'a-file.txt'), 'utf8')).toBe('text\n')
  expect((await pr('list', '--state', 'open')).out).toBe('no pull requests\n')
})

it('conflicts, and numbers that are not there', async () => {
  const one = await run(['sh', '-c', 'echo one >README.md'], '--title', 'One')
  const two = await run(['sh', '-c', 'echo two >README.md'], '--title', 'Two')
  expect((await pr('merge', `${one.pullRequest.number}`)).code).toBe(0)
  const conflict = await pr('merge', `${two.pullRequest.number}`)
  expect(conflict).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/README\.md[\s\S]*E_CONFLICT/),
  })
  for (const words of [['show'], ['diff'], ['merge']])
    expect(await pr(...words, '99')).toMatchObject({ code: 3, err: expect.stringContaining('E_NOT_FOUND') })
})

it('create: by an agent that publishes its work itself, with no option at all', async () => {
  const script = 'echo w >w.txt; git add .; git commit -qm "Add w"; git push -q; orch pr create'
  const task = await run(['sh', '-ec', script], '--publish', 'agent', '--title', 'Publish')
  expect(task).toMatchObject({ state: 'accepted', proof: { openedByOrch: false } })
  const { out } = await program.orch(['logs', task.id])
  expect(out).toBe(`#${task.pullRequest.number} Add w\n${task.branch} into main, open\n`)
})

it('create: an agent waits for its daemon and starts none', async () => {
  const { branch, base } = await run([agent('commits-and-pushes')], '--title', 'Late')
  await program.orch(['stop'])
  const env = { ORCH_AGENT: 'task-agent-1', ORCH_BRANCH: branch, ORCH_BASE: base }
  const create = program.start(['pr', 'create', '--head', branch], { cwd, env })
  await until('the note', () => create.err().includes('waiting for the daemon'))
  expect(existsSync(program.paths.socket)).toBe(false)
  await program.orch(['start'])
  expect(await create.ended).toMatchObject({
    code: 0,
    out: expect.stringContaining(`${branch} into ${base}`),
  })
})

it('create: a person’s branch is brought to the forge with it; one that is not there is refused', async () => {
  await repository.git(['switch', '--quiet', '-c', 'mine'])
  await repository.commit({ 'mine.txt': 'mine\n' }, 'Mine')
  await repository.git(['switch', '--quiet', 'main'])
  const made = await pr('create', '--head', 'mine')
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/#\d+/) })
  const { code, err } = await pr('create', '--head', 'not-there', '--title', 'x')
  expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining('not-there') })
})

it('cleanup: says first, then does, and keeps what is not merged', async () => {
  const { branch } = await run(works('kept.txt'), '--title', 'Kept')
  const dead = await run(['sh', '-c', 'exit 1'])
  const dry = await program.orch(['cleanup', '--dry-run'])
  expect(dry.out).toMatch(
    new RegExp(`would remove workspace .*${dead.id}\n(.*\n)*kept branch ${branch}: it holds work`),
  )
  expect((await program.orch(['cleanup', '--dry-run'])).out).toBe(dry.out)
  const done = await program.orch(['cleanup'])
  expect(done.out).toBe(dry.out.replaceAll('would remove', 'removed'))
  expect(await program.json(['cleanup'])).toMatchObject({ removed: [] })
  expect(await repository.git(['rev-parse', '--verify', branch])).toMatch(/^\w{40}$/)
  expect(await repository.git(['worktree', 'list'])).not.toContain('\n')
})
