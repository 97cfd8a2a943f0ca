import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { createAttemptDirectories } from './attempt-dir.ts'
import { createProcProcessTable } from './processes/proc.ts'

test.each(['', '\0\0\0', '{"phase":"ag'])(
  'what a machine that fell over left of its files (%j) counts as none: the agent is lost, and can be stopped',
  async (left) => {
    const root = temporaryDirectory()
    const deps = { root, clock: systemClock, processes: createProcProcessTable() }
    const directories = createAttemptDirectories(deps)
    const argv = ['true'] as const
    await directories.prepare({ agent: 'a', argv, env: {}, cwd: root, stdin: 'none', prompt: '', setup: [] })
    symlinkSync('1 of-another-boot', join(root, 'a', 'lock'))
    for (const name of ['started.json', 'exit.json']) writeFileSync(join(root, 'a', name), left)
    expect(await directories.status('a')).toMatchObject({ state: 'lost', turn: 1 })
    expect(await directories.stop('a', 0)).toEqual({ killed: 0 })
    await expect(directories.send('a', 'hello')).rejects.toMatchObject({ code: 'E_CANNOT_HEAR' })
  },
)
