import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fakeDaemon, runView, taskView } from '../../test/support/cli.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { createClient } from '../api/client.ts'
import { pathsIn } from '../config/paths.ts'
import { exec, signalProcess } from '../exec.ts'

const main = join(import.meta.dirname, 'main.ts')
/** Shared by the tests of this file, so that the second start finds what the first one compiled. */
const cache = temporaryDirectory('orch-cache')
const envOf = (state: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: state,
  ORCH_STATE_DIR: state,
  XDG_CACHE_HOME: cache,
})
const run = (state: string, ...argv: string[]) =>
  exec([process.execPath, main, ...argv], { env: envOf(state), cwd: state })

test('the program: output, errors and exit codes', async () => {
  const { state } = await fakeDaemon()
  expect(await run(state, '--version')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  })
  expect(await run(state, 'nonsense')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('E_USAGE'),
  })
  expect(await run(state, 'show', 't-x')).toMatchObject({ code: 3, stdout: '' })
})

test('a reader that has seen enough ends it quietly', async () => {
  const { state } = await fakeDaemon({
    task: async () => ({ ...taskView(), description: '', attempts: [] }),
    log: async ({ query }) => ({ text: 'line\n'.repeat(10_000), next: query.from + 50_000, ended: false }),
  })
  const piped = `"$@" | head -n 1`
  const result = await exec(['sh', '-c', piped, 'sh', process.execPath, main, 'logs', 't-aaaa'], {
    env: envOf(state),
    timeoutMs: 20_000,
  })
  expect(result).toMatchObject({ code: 0, stdout: 'line\n', stderr: '', timedOut: false })
})

test('Ctrl-C while a run is shown ends with 130, and cancels nothing', async () => {
  let cancelled = false
  const { state } = await fakeDaemon({
    submit: async () => runView([taskView()]),
    run: async () => runView([taskView()]),
    cancel: async () => {
      cancelled = true
      return taskView()
    },
  })
  const child = spawn(process.execPath, [main, 'run', 'x'], {
    env: envOf(state),
    cwd: state,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  child.stdout.once('data', () => child.kill('SIGINT'))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(code).toBe(130)
  expect(err).toContain('The agents work on')
  expect(cancelled).toBe(false)
})

test('when nobody reads standard error it goes on all the same', async () => {
  const final = async () => ({ ...taskView({ state: 'accepted' }), description: '', attempts: [] })
  const text = async (words: string) => ({ text: words, next: 5, ended: words === '' })
  const first = await fakeDaemon({
    task: async () => ({ ...taskView(), description: '', attempts: [] }),
    log: ({ query }) => text(query.from === 0 ? 'one\n' : ''),
  })
  const child = spawn(process.execPath, [main, 'logs', '-f', 't-aaaa'], {
    env: envOf(first.state),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.destroy()
  const ended = new Promise((resolve) => child.on('close', resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  await first.close() // it says that it waits
  await fakeDaemon({ task: final, log: () => text('') }, first.state)
  expect(await ended).toBe(0)
})

test('who ends `start --foreground` ends the daemon, too', async () => {
  const state = temporaryDirectory()
  const { socket } = pathsIn(state)
  const child = spawn(process.execPath, [main, 'start', '--foreground'], {
    env: envOf(state),
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => child.on('close', resolve))
  await expect.poll(() => existsSync(socket)).toBe(true)
  const client = createClient({ socketPath: socket })
  const { pid } = await client.call('health')
  onTestFinished(() => signalProcess(pid, 'SIGKILL'))
  client.close()
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(existsSync(socket)).toBe(false)
})

test('status needs neither schemas nor YAML', async () => {
  const { state } = await fakeDaemon()
  const trace = `--import=data:text/javascript,${encodeURIComponent(
    "import {registerHooks} from 'node:module'; registerHooks({load(url, context, next) { if (/node_modules\\/(zod|yaml|pino|hono)\\//.test(url)) process.stderr.write(url); return next(url, context) }})",
  )}`
  const { code, stderr } = await exec([process.execPath, trace, main, 'status'], { env: envOf(state) })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})
