import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signalProcess } from '../../../src/exec.ts'
import { until } from '../../support/orch.ts'
import { makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository, type SampleRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

let program: Program
let repository: SampleRepository
let cwd: string
beforeAll(async () => {
  program = makeProgram()
  repository = await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })
  cwd = repository.path
})
afterAll(() => program.close())

const command = (argv: string[], ...options: string[]) => [
  'run',
  ...options,
  '--agent',
  'command',
  '--',
  ...argv,
]
const FAILS = ['sh', '-c', 'echo cannot; exit 3']

describe('orch run', () => {
  it('starts the daemon, tells what happens and ends with the pull request', async () => {
    const { code, out, err } = await program.orch(command(works('first.txt'), '--title', 'First'), { cwd })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const id = out.match(/^t-\w+/)?.[0] ?? ''
    const lines = out
      .replace(/^\d\d:\d\d:\d\d/gm, 'TIME')
      .replaceAll(id, 'ID')
      .replace(/ +\d+s /, ' 1s ')
    expect(lines).toBe(`ID  First
TIME  ID  working
TIME  ID  the agent says that it is done: finished
TIME  ID  pull request #1 opened
TIME  ID  the forge shows the work
TIME  ID  accepted with pull request #1

TASK            RESULT    PR  TOOK  TITLE
ID  accepted  #1 1s  First

Next:
  orch pr diff 1    what was changed
  orch pr merge 1   bring it into main
`)
    expect(await repository.git(['status', '--porcelain'])).toBe('')
  })

  it('says why a task is not accepted, and exits with 1', async () => {
    const { code, out, err } = await program.orch(command(FAILS), { cwd })
    expect(code).toBe(1)
    expect(out).toMatch(/not accepted \(dead\) +– /)
    expect(out).toMatch(/Not accepted, because:\nt-\w+: the command ended with status 3: cannot\n/)
    expect(out).toMatch(/orch logs t-\w+ +what its agent printed/)
    expect(err).toMatch(/^error: 1 of 1 task not accepted\ncode: E_NOT_ACCEPTED\nwhat to do: /)
  })

  it('--json: one document on standard output, whatever happens', async () => {
    const good = await program.orch(command(works('json.txt'), '--json'), { cwd })
    expect({ code: good.code, err: good.err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(good.out)).toMatchObject({
      schemaVersion: 1,
      kind: 'run',
      tasks: [{ state: 'accepted' }],
    })
    const bad = await program.orch(command(FAILS, '--json'), { cwd })
    expect(bad.code).toBe(1)
    expect(JSON.parse(bad.out)).toMatchObject({
      tasks: [{ state: 'dead', reason: { code: 'agent-failed' } }],
    })
    expect(JSON.parse(bad.err)).toMatchObject({ kind: 'error', error: { code: 'E_NOT_ACCEPTED' } })
  })

  it('takes several tasks from a file', async () => {
    const file = join(temporaryDirectory(), 'tasks.yaml')
    const task = (name: string, argv: string[]) =>
      `  - { task: ${name}, driver: command, argv: ${JSON.stringify(argv)} }\n`
    writeFileSync(
      file,
      `tasks:\n${task('One', works('one'))}${task('Two', works('two'))}${task('Bad', FAILS)}`,
    )
    const { code, out, err } = await program.orch(['run', '-f', file], { cwd })
    expect(code).toBe(1)
    expect(out).toMatch(/accepted +#\d+ +\d+s {2}One\n.*accepted +#\d+ +\d+s {2}Two\n.*not accepted .*Bad\n/)
    expect(err).toContain('1 of 3 tasks not accepted')
  })

  it('takes the task from standard input', async () => {
    const input = 'Standard input\n\nwith details\n'
    const { out } = await program.orch([...command(works('in.txt'), '-', '--json')], { cwd, input })
    const { tasks } = JSON.parse(out)
    expect(await program.json(['show', tasks[0].id])).toMatchObject({ description: input, state: 'accepted' })
    const yaml = `- { task: Piped, driver: command, argv: ${JSON.stringify(works('piped.txt'))} }\n`
    const piped = await program.orch(['run', '-f', '-', '--json'], { cwd, input: yaml })
    expect(JSON.parse(piped.out)).toMatchObject({ tasks: [{ title: 'Piped', state: 'accepted' }] })
  })

  it('--detach: gives the tasks away and says how to go on', async () => {
    const { code, out } = await program.orch(command(works('away.txt', 0.5), '--detach'), { cwd })
    expect(code).toBe(0)
    const id = out.match(/^t-\w+/m)?.[0] ?? ''
    expect(out).toMatch(/^TASK +STATE +TITLE\nt-\w+ +queued /)
    for (const line of [`orch logs -f ${id}`, `orch attach ${id}`, `orch cancel ${id}`])
      expect(out).toContain(line)
    expect((await program.orch(['logs', '-f', id])).out).toBe('begun\nfinished\n')
  })

  it('a reader that has seen enough is no error, and ends nothing', async () => {
    const argv = command(works('piped-away.txt', 0.5))
    const pipe = ['bash', '-c', 'set -o pipefail; "$@" | head -1', 'pipe']
    const { code, out, err } = await program.orch(argv, { cwd, before: pipe })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    await accepted(out.match(/^t-\w+/)?.[0] ?? '')
  })
})

describe('what cannot stop a run', () => {
  it('Ctrl-C: 130, and how to go on; the tasks do', async () => {
    const run = program.start(command(works('interrupted.txt', 1)), { cwd })
    await run.shows('working\n')
    run.child.kill('SIGINT')
    const { code, out, err } = await run.ended
    const id = out.match(/^t-\w+/)?.[0] ?? ''
    expect(code).toBe(130)
    expect(err).toContain('The agents work on.\n')
    expect(err).toContain(`orch cancel ${id}`)
    await accepted(id)
  })

  it('kill -9 of the command line: the tasks go on', async () => {
    const run = program.start(command(works('killed.txt', 1)), { cwd })
    await run.shows('working\n')
    run.child.kill('SIGKILL')
    const { killedBy, out } = await run.ended
    expect(killedBy).toBe('SIGKILL')
    await accepted(out.match(/^t-\w+/)?.[0] ?? '')
  })

  it('kill -9 of the daemon: it is started again, and the run ends as it should', async () => {
    const run = program.start(command(works('survives.txt', 1)), { cwd })
    await run.shows('working\n')
    signalProcess(await program.daemon(), 'SIGKILL')
    const { code, out, err } = await run.ended
    expect(err).toBe('note: the daemon had died and was started again; agents went on\n')
    expect(out).toMatch(/accepted with pull request #\d+\n\nTASK/)
    expect(out.match(/ working\n/g)).toHaveLength(1)
    expect(code).toBe(0)
  })

  it('orch stop: it waits for orch start', async () => {
    const run = program.start(command(works('stopped.txt', 1)), { cwd })
    await run.shows('working\n')
    await program.orch(['stop'])
    await until('the note', () => run.err().includes('Waiting for `orch start`'))
    await program.orch(['start'])
    const { code, err } = await run.ended
    expect({ code, err }).toEqual({
      code: 0,
      err: 'note: the daemon was stopped; agents work on. Waiting for `orch start`\n',
    })
  })
})

const accepted = (id: string) =>
  until(`${id} accepted`, async () => (await program.json(['show', id])).state === 'accepted')
