import { afterAll, beforeAll, expect, it } from 'vitest'
import { signalProcess } from '../../../src/exec.ts'
import { until } from '../../support/orch.ts'
import { makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** One task from its beginning to its end, looked at with every command that takes a task. */

let program: Program
let cwd: string
beforeAll(async () => {
  program = makeProgram()
  cwd = (await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })).path
})
afterAll(() => program.close())

async function begin(argv: string[], ...options: string[]): Promise<string> {
  const { tasks } = await program.json(
    ['run', '--detach', ...options, '--json', '--agent', 'command', '--', ...argv].filter((it) => it !== ''),
    { cwd },
  )
  const [{ id }] = tasks
  await until(`${id} works`, async () => (await program.json(['show', id])).state === 'working')
  return id
}

it('status, show, logs, say, attach and cancel of a task that works', async () => {
  const id = await begin(works('long.txt', 60), '--title', 'Long')
  const status = await program.orch(['status'])
  const head =
    /^orchd \S+, pid \d+, up \d+s, [\d.]+ MB · agents 1 of 20(?: · Redis \S+, cluster \w+)?\n1 working\n\nTASK /
  expect(status.out).toMatch(head)
  expect(status.out).toMatch(new RegExp(`${id}  working +1 +\\d+s +Long\\n`))
  expect(await program.json(['status', '--repo', cwd])).toMatchObject({ kind: 'status', tasks: [{ id }] })

  const shown = await program.orch(['show', id.slice(0, 6)])
  expect(shown.out).toMatch(/^Long\ntask +t-\w+ of run r-\w+\nstate +working, attempt 1\n/)
  expect(shown.out).toMatch(
    /\nATTEMPT +AGENT( +HOST)? +STARTED +TOOK +OUTCOME +WHY\n +1 +task-agent-\S+ .* under way\n$/,
  )
  await until('output', async () => (await program.orch(['logs', id])).out === 'begun\n')

  const said = await program.orch(['say', id, 'hello'])
  expect(said).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/cannot be spoken to\ncode: E_CANNOT_HEAR/),
  })
  const attached = await program.orch(['attach', id])
  expect(attached).toMatchObject({
    code: 2,
    err: expect.stringContaining(`orch logs -f ${id} shows the same`),
  })
  expect(await program.json(['attach', id])).toMatchObject({
    argv: expect.arrayContaining(['attach-session']),
  })

  const cancelled = await program.orch(['cancel', id])
  expect(cancelled).toMatchObject({
    code: 0,
    err: '',
    out: `${id} cancelled; its work is saved on its branch\n`,
  })
  const again = await program.orch(['cancel', id])
  expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining('code: E_STATE') })
})

it('retry of a task that was not accepted', async () => {
  const file = `${temporaryDirectory()}/second`
  const script = `if [ -e ${file} ]; then echo better; echo x >x.txt; else touch ${file}; exit 3; fi`
  const run = await program.orch(['run', '--json', '--agent', 'command', '--', 'sh', '-c', script], { cwd })
  const id = JSON.parse(run.out).tasks[0].id
  const shown = await program.orch(['show', id])
  expect(shown.out).toMatch(
    /\nstate +dead, attempt 1, 1 of 1 try failed\nwhy +the command ended with status 3/,
  )
  const retried = await program.orch(['retry', id])
  expect(retried).toMatchObject({ code: 0, out: `${id} is queued again, with all its tries\n` })
  expect(await program.orch(['logs', '-f', id])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/better\n$/),
  })
  expect(await program.json(['show', id])).toMatchObject({ state: 'accepted', attempt: 2 })
  const first = await program.orch(['logs', id, '--attempt', '1'])
  expect(first).toMatchObject({ code: 0, out: '' })
})

it('logs -f: until the end, over a daemon that is killed, and without an end', async () => {
  const id = await begin(['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.7; done; echo y >y.txt'])
  const follow = program.start(['logs', '-f', id])
  const story = program.start(['logs', '-f', '-n', '0'])
  await follow.shows('line 1\n')
  signalProcess(await program.daemon(), 'SIGKILL')
  const { code, out } = await follow.ended
  expect({ code, out }).toEqual({ code: 0, out: 'line 1\nline 2\nline 3\n' })
  await story.shows(new RegExp(`${id}  accepted with pull request`))
  story.child.kill('SIGINT')
  expect(await story.ended).toMatchObject({ code: 130 })
  expect((await program.orch(['logs', '-n', '3'])).out.trimEnd().split('\n')).toHaveLength(3)
})

it('names that mean nothing, or too much', async () => {
  const { tasks } = await program.json(['status'])
  const [{ id }] = tasks
  const typo = id.slice(0, -1) + (id.endsWith('z') ? 'y' : 'z')
  expect(await program.orch(['show', typo])).toMatchObject({
    code: 3,
    err: expect.stringContaining(`did you mean ${id}?`),
  })
  expect(await program.orch(['show', 't-'])).toMatchObject({
    code: 3,
    err: expect.stringContaining('E_NOT_FOUND'),
  })
  const both = await program.orch(['cancel', 'nothing', 'neither'])
  expect(both).toMatchObject({ code: 3, out: '', err: expect.stringMatching(/neither[\s\S]*nothing/) })
})
