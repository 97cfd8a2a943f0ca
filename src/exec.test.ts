import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { exec, signalProcess } from './exec.ts'

const env = { PATH: process.env.PATH ?? '' }
const node = process.execPath

it('tells a missing program from a missing directory: the one is hopeless, the other is not', async () => {
  await expect(exec(['no-such-program'], { env })).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING' })
  await expect(exec(['true'], { env, cwd: '/no/such/place' })).rejects.toMatchObject({
    code: 'E_WORKSPACE',
    message: 'cannot start true in /no/such/place: there is no such directory',
  })
})

it('ends a program at once whose signal was aborted before', async () => {
  const result = await exec(['sleep', '1000'], { env, signal: AbortSignal.abort() })
  expect(result).toMatchObject({ code: null, killedBy: 'SIGTERM', timedOut: false })
})

describe('what a program left in a session of its own holds its output open', () => {
  /** Leaves a process that has its output, tells its id, and goes on to `then`. */
  const leaves = (then: string) => `
    const { spawn } = require('node:child_process')
    const stays = ["setTimeout(() => {}, 600_000)"]
    const left = spawn(process.execPath, ['-e', ...stays], { detached: true, stdio: 'inherit' })
    left.unref()
    process.stdout.write(left.pid + ' and the rest'.padEnd(60_000, '.') + 'end')
    ${then}`
  const run = async (then: string, timeoutMs?: number) => {
    const options = { env, graceMs: 100, ...(timeoutMs !== undefined && { timeoutMs }) }
    const result = await exec([node, '-e', leaves(then)], options)
    onTestFinished(() => signalProcess(Number.parseInt(result.stdout, 10), 'SIGKILL'))
    return result
  }

  it('ends with the program itself, and has all that it said', async () => {
    const result = await run('')
    expect(result).toMatchObject({ code: 0, killedBy: null, timedOut: false })
    expect(result.stdout).toMatch(/^\d+ and the rest\.+end$/)
  })

  it('ends when its time is over', async () => {
    const result = await run('setTimeout(() => {}, 600_000)', 2_000)
    expect(result).toMatchObject({ code: null, killedBy: 'SIGTERM', timedOut: true })
  })
})

it('gives up on a program that may not be signalled, as one of another user', async () => {
  vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
  })
  const argv = ['sh', '-c', 'echo $$; exec sleep 1000'] as const
  const result = await exec(argv, { env, timeoutMs: 2_000, graceMs: 50 })
  vi.restoreAllMocks()
  signalProcess(Number(result.stdout), 'SIGKILL')
  expect(result).toMatchObject({ code: null, killedBy: null, timedOut: true })
})

it('fails alone when there are no descriptors left for its pipes', async () => {
  const script = `
    import { openSync } from 'node:fs'
    import { exec, spawnPiped } from ${JSON.stringify(new URL('./exec.ts', import.meta.url).pathname)}
    await exec(['true'], { env: {} }).catch(() => {}) // whatever is loaded late is loaded now
    try { for (;;) openSync('/dev/null') } catch {}
    const failed = await exec(['true'], { env: {} }).catch((error) => error)
    let thrown
    try { spawnPiped(['true'], { env: {} }) } catch (error) { thrown = error }
    setTimeout(() => console.log(failed.code, failed.message, thrown?.code), 50)`
  const argv = [
    'sh',
    '-c',
    'ulimit -n 64 && exec "$@"',
    'sh',
    node,
    '--input-type=module',
    '-e',
    script,
  ] as const
  const { stdout, stderr } = await exec(argv, { env })
  expect({ stdout, stderr }).toMatchObject({
    stdout: expect.stringMatching(/^E_INTERNAL true: .*EMFILE.* E_INTERNAL\n$/),
  })
})
