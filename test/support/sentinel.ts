import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering, askRedis, freePort, spawnMortal } from './redis.ts'

/** A real Sentinel of a test's own that watches one primary (`mymaster`) and makes its replica the primary half a second after it is gone. */
export interface Sentinel {
  port: number
  /** Port of the primary, as it sees it. */
  primary(): Promise<number>
  /** How many replicas it knows. */
  replicas(): Promise<number>
  dispose(): Promise<void>
}

export async function startSentinel(primaryPort: number): Promise<Sentinel> {
  const directory = mkdtempSync(join(tmpdir(), 'orch-sentinel-'))
  const port = await freePort()
  const file = join(directory, 'sentinel.conf')
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor mymaster 127.0.0.1 ${primaryPort} 1`,
    'sentinel down-after-milliseconds mymaster 500',
    'sentinel failover-timeout mymaster 3000',
  ]
  writeFileSync(file, `${settings.join('\n')}\n`)
  const child = spawnMortal(['redis-server', file, '--sentinel'])
  await answering(port, child)
  const ask = (...args: string[]) => askRedis(port, ...args)
  return {
    port,
    primary: async () =>
      Number((await ask('sentinel', 'get-master-addr-by-name', 'mymaster')).split('\n')[1]),
    replicas: async () =>
      (await ask('sentinel', 'replicas', 'mymaster')).match(/^role-reported$/gm)?.length ?? 0,
    async dispose() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await ended
      }
      await rm(directory, { recursive: true, force: true })
    },
  }
}
