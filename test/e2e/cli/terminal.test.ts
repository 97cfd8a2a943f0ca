import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exec } from '../../../src/exec.ts'
import { until } from '../../support/orch.ts'
import { bin, makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** The program on a terminal: a tmux of the test's own, in which a person's shell runs. */

let program: Program
let socket: string
beforeAll(async () => {
  program = makeProgram()
  const { path } = await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })
  socket = join(temporaryDirectory('orch-screen'), 'socket')
  const env = { ...program.env, PATH: `${bin}:${program.env.PATH}`, PS1: '$ ' }
  const shell = ['new-session', '-d', '-x', '90', '-y', '24', '-c', path, 'sh', '-i']
  await exec(['tmux', '-S', socket, '-f', '/dev/null', ...shell], { env })
  await program.orch(['start'])
})
afterAll(async () => {
  await tmux('kill-server').catch(() => {})
  await program.close()
})

const tmux = async (...args: string[]) =>
  (await exec(['tmux', '-S', socket, ...args], { env: program.env })).stdout
const screen = async () => (await tmux('capture-pane', '-p')).trimEnd()
const shows = (text: RegExp) =>
  until(`the screen shows ${text}`, async () => text.test(await screen())).catch(async (error) => {
    throw new Error(`${error.message}:\n${await screen()}`)
  })
const press = (...keys: string[]) => tmux('send-keys', ...keys)
/** Types a command on an empty screen; its exit code is printed behind it. */
async function type(line: string): Promise<void> {
  await press('-l', `clear; ${line}; echo "exit $?"`)
  await press('Enter')
}
const quoted = (argv: string[]) => argv.map((it) => `'${it}'`).join(' ')

it('orch run draws one line a task in place, and leaves only the result', async () => {
  await type(`orch run --title Drawn --agent command -- ${quoted(works('drawn.txt', 1))}`)
  await shows(/^. t-\w+ working +\d+s Drawn$/m)
  await shows(/exit 0/)
  expect((await screen()).replaceAll(/t-\w{12}/g, 'ID')).toMatch(
    /^TASK +RESULT +PR +TOOK +TITLE\nID {2}accepted +#1 +\d+s {2}Drawn\n\nNext:\n {2}orch pr diff 1 +what was changed\n {2}orch pr merge 1 +bring it into main\nexit 0\n\$$/,
  )
})

it('Ctrl-C leaves a clean screen and the tasks working; attach shows them, and lets go again', async () => {
  await type(`orch run --title Interrupted --agent command -- ${quoted(works('more.txt', 5))}`)
  await shows(/^. t-\w+ working +\d+s Interrupted$/m)
  await press('C-c')
  await shows(/orch cancel t-\w+/)
  const text = await screen()
  const id = text.match(/t-\w{12}/)?.[0] ?? ''
  expect(text.replaceAll(id, 'ID')).toMatch(
    /^(\^C)?\s*The agents work on\.\n\nNext:\n {2}orch status --watch +see all tasks\n {2}orch logs -f ID /,
  )
  await type(`orch attach ${id.slice(0, 8)}`)
  await shows(/^begun[\s\S]*task-agent-/m)
  await press('C-b', 'd')
  await shows(/detached[\s\S]*exit 0/)
  expect((await program.json(['show', id])).state).toBe('working')
  await program.orch(['cancel', id])
})

it('orch status --watch draws itself again until Ctrl-C', async () => {
  await type('orch status --watch')
  await shows(/^orchd [\s\S]*TASK +STATE/m)
  await press('C-c')
  await shows(/^orchd [\s\S]*\n(\^C)?\$ ?$/)
})

it('orch reset asks first', async () => {
  await type('orch reset')
  await shows(/This would:[\s\S]*Go on\? \[y\/N\]/)
  await press('n', 'Enter')
  await shows(/error: nothing was removed[\s\S]*exit 1/)
})
