import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering, freePort } from './redis.ts'

/**
 * With ORCH_TEST_STORE=redis: one redis-server for all tests of this run, known to them as ORCH_TEST_REDIS. Its keeper is a
 * shell that reads from us: however this process ends, kill -9 too, the pipe ends, and the server and its files go.
 */
const KEEPER = 'redis-server "$@" & server=$!; cat >/dev/null; kill -9 $server; wait $server; rm -rf "$0"'

export default async function startForAll(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.ORCH_TEST_STORE !== 'redis' || process.env.ORCH_TEST_REDIS) return undefined
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'orch-redis-'))
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '']
  const safety = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction']
  // a group of its own: Ctrl-C reaches the tests first, and they still need it
  const keeper = spawn('sh', ['-c', KEEPER, directory, ...settings, ...safety], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const gone = new Promise((resolve) => keeper.once('exit', resolve))
  process.env.ORCH_TEST_REDIS = `redis://127.0.0.1:${port}`
  await answering(port, keeper)
  return async () => {
    delete process.env.ORCH_TEST_REDIS
    keeper.stdin?.end()
    await gone
  }
}
