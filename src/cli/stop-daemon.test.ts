import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { fakeDaemon } from '../../test/support/cli.ts'
import { createClient } from '../api/client.ts'
import { packageVersion } from '../api/version.ts'
import { systemClock } from '../clock.ts'
import { stopDaemon } from './stop-daemon.ts'

test('a daemon that answers no more may still hold its store: its process is waited for', async () => {
  const process = spawn('sleep', ['60'])
  onTestFinished(() => void process.kill('SIGKILL'))
  let gone = false
  process.on('exit', () => {
    gone = true
  })
  const daemon = await fakeDaemon({
    health: async () => ({ ok: true, version: packageVersion(), pid: process.pid ?? 0 }),
    stop: async () => {
      setTimeout(() => process.kill(), 200)
      setTimeout(() => void daemon.close(), 20)
      return { stoppedAgents: 1 }
    },
  })
  const client = createClient({ socketPath: daemon.paths.socket })
  onTestFinished(() => client.close())
  expect(await stopDaemon(client, systemClock, true)).toEqual({ stoppedAgents: 1 })
  expect(gone).toBe(true)
})

test.runIf(process.platform === 'linux')(
  'a process that has ended and that nobody has buried is gone',
  async () => {
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
    const daemon = await fakeDaemon({
      health: async () => ({ ok: true, version: packageVersion(), pid }),
      stop: async () => ({ stoppedAgents: 0 }),
    })
    const client = createClient({ socketPath: daemon.paths.socket })
    onTestFinished(() => client.close())
    expect(await stopDaemon(client, systemClock, false)).toEqual({ stoppedAgents: 0 })
  },
)
