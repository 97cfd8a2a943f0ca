import { expect, test } from 'vitest'
import { exec } from '../../src/exec.ts'
import startForAll from './redis-for-all.ts'
import { clusterOf, overRedis, redisUrl } from './store-choice.ts'

test('the same state directory finds the same cluster of hosts again, another one does not', () => {
  expect(clusterOf('/a')).toBe(clusterOf('/a'))
  expect(clusterOf('/a')).not.toBe(clusterOf('/b'))
})

test('without ORCH_TEST_STORE=redis nothing is started, and it says so', async () => {
  if (overRedis) return
  expect(await startForAll()).toBeUndefined()
  expect(() => redisUrl()).toThrow('ORCH_TEST_STORE=redis')
})

test('the server for all tests ends with who started it, also by kill -9', async () => {
  const program = `const { default: start } = await import(${JSON.stringify(`${import.meta.dirname}/redis-for-all.ts`)})
    await start(); console.log(process.env.ORCH_TEST_REDIS); process.kill(process.pid, 'SIGKILL')`
  const env = { PATH: process.env.PATH ?? '', ORCH_TEST_STORE: 'redis' }
  const { stdout } = await exec([process.execPath, '--input-type=module', '-e', program], { env })
  const port = new URL(stdout.trim()).port
  const answers = async () => {
    const { stdout: pong } = await exec(['redis-cli', '-p', port, 'ping'], { env })
    return pong.includes('PONG')
  }
  await expect.poll(answers, { timeout: 10_000 }).toBe(false)
})
