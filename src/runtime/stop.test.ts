import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { signalGroup } from '../exec.ts'
import { createProcProcessTable } from './processes/proc.ts'
import type { ProcessTable } from './processes/processes.ts'
import { stop } from './stop.ts'

test.runIf(process.platform === 'linux').each(['setsid', 'env -i setsid'])(
  'a child (%s) that leaves its group between the look and the signal ends by TERM all the same',
  async (leaves) => {
    const directory = join(temporaryDirectory(), 'stop-test')
    mkdirSync(directory)
    const child = spawn('sh', ['-c', `${leaves} sleep 1000 & echo $!; exec sleep 1000`], {
      env: { PATH: process.env.PATH, ORCH_AGENT: 'stop-test' },
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const away = Number(String(line))
    onTestFinished(() => {
      for (const group of [child.pid, away]) signalGroup(group, 'SIGKILL')
    })
    const real = createProcProcessTable()
    while ((await real.find({ groups: [away] })).length === 0) await systemClock.sleep(5)
    let looks = 0
    const late: ProcessTable = {
      ...real,
      find: async (query) => {
        const group = child.pid ?? 0
        const before = ++looks === 1
        return (await real.find(query)).map((it) => (before && it.pid === away ? { ...it, group } : it))
      },
    }
    const stopped = await stop(directory, 'stop-test', 5_000, { clock: systemClock, processes: late })
    expect(stopped).toEqual({ killed: 0 })
    expect(await real.find({ mark: 'ORCH_AGENT=stop-test', groups: [away] })).toEqual([])
  },
)
