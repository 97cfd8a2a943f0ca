import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type Argv, exec, spawnDetached } from '../../src/exec.ts'
import { createProcessRuntime } from '../../src/runtime/process/process.ts'
import type { LaunchSpec } from '../../src/runtime/runtime.ts'
import {
  AGENT_ENV,
  directoriesIn,
  freshName,
  launch,
  output,
  reaches,
  type Site,
  until,
} from '../contract/runtime.ts'
import { MARKER } from '../contract/runtime-turns.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Kills around the step from one process of an attempt to the next. */

const PROGRAM = fileURLToPath(new URL('../fixtures/proceeds-until-killed.ts', import.meta.url))

function makeSite(): Site {
  const root = join(temporaryDirectory(), 'attempts')
  const directories = directoriesIn(root)
  const runtime = createProcessRuntime({ root, directories, spawnDetached, env: AGENT_ENV })
  return { root, directories, runtime, work: '/' }
}
const oneTurn = async (site: Site): Promise<string> => {
  const agent = await launch(site, ['sh', '-c', 'read line; echo "$line"; exit 3'], {
    stdin: 'fifo',
    firstInput: 'one\n',
    prompt: 'one',
  })
  await reaches(site, agent, 'exited')
  return agent
}
const next = (agent: string, text: string): LaunchSpec => ({
  agent,
  argv: ['sh', '-c', 'echo "$0"', text],
  env: AGENT_ENV,
  cwd: '/',
  stdin: 'none',
  prompt: '',
  setup: [],
})
const text = async (site: Site, agent: string) => String(await output(site, agent))

test('killed before each change to the disk: the turn has ended as it had, or the next one is ready', async () => {
  const site = makeSite()
  const states: string[] = []
  for (let nth = 1; ; nth++) {
    const agent = await oneTurn(site)
    const argv = [process.execPath, PROGRAM, site.root, agent, `${nth}`] as const
    const { killedBy, stdout, stderr } = await exec(argv, { env: AGENT_ENV })
    const status = await site.directories.status(agent)
    states.push(`${status.state} ${status.turn}`)
    if (status.state === 'exited') {
      expect(status).toMatchObject({ turn: 1, exit: { phase: 'agent', status: 3 } })
      await site.directories.proceed(next(agent, 'two'))
    } else expect(status).toMatchObject({ state: 'ready', turn: 2 })
    await site.runtime.start(agent)
    expect(await reaches(site, agent, 'exited')).toMatchObject({ turn: 2, exit: { status: 0 } })
    expect(await text(site, agent)).toBe(`one\n${MARKER(2)}two\n`)
    await site.directories.remove(agent)
    if (killedBy === null) {
      expect([stdout.trim().split('\n').at(-1), stderr]).toEqual([
        expect.stringMatching(/^rename .*spec\.sh/),
        '',
      ])
      break
    }
  }
  expect(states.length).toBeGreaterThan(8)
  const changed = states.lastIndexOf('exited 1')
  expect(states).toEqual(states.map((_, n) => (n <= changed ? 'exited 1' : 'ready 2')))
  expect(changed).toBe(states.length - 2) // up to its last change nothing has happened yet
})

/** A shim that waits before it takes its lock until the file `go` is there. */
function startLate(site: Site, agent: string, bin: string) {
  const child = spawnDetached(['/bin/sh', 'shim.sh', agent], {
    cwd: site.root,
    env: { PATH: `${bin}:${AGENT_ENV.PATH}` },
  })
  const ended = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(() => void child.kill('SIGKILL'))
  return ended
}
function lateLock(): { bin: string; waits: () => boolean; go: () => void } {
  const bin = temporaryDirectory()
  const real = execFileSync('sh', ['-c', 'command -v ln'], { encoding: 'utf8' }).trim()
  const wait = `: >"${bin}/waits"; until [ -e "${bin}/go" ]; do sleep 0.01; done; exec ${real} "$@"`
  writeFileSync(join(bin, 'ln'), `#!/bin/sh\n${wait}\n`)
  chmodSync(join(bin, 'ln'), 0o755)
  return { bin, waits: () => existsSync(join(bin, 'waits')), go: () => writeFileSync(join(bin, 'go'), '') }
}

test.each(['ready', 'exited'])(
  'a shim of the first turn that comes when the second is %s runs nothing',
  async (state) => {
    const site = makeSite()
    const agent = freshName()
    onTestFinished(async () => void (await site.directories.stop(agent, 0)))
    await site.directories.prepare(next(agent, 'one'))
    const late = lateLock()
    const ended = startLate(site, agent, late.bin)
    await until('it has read what to run', late.waits)
    await site.runtime.start(agent)
    await reaches(site, agent, 'exited')
    await site.directories.proceed(next(agent, 'two'))
    if (state === 'exited') {
      await site.runtime.start(agent)
      await reaches(site, agent, 'exited')
    }
    late.go()
    await ended
    expect(await site.directories.status(agent)).toMatchObject({ state, turn: 2 })
    await site.runtime.start(agent)
    expect(await reaches(site, agent, 'exited')).toMatchObject({ turn: 2, exit: { status: 0 } })
    expect(await text(site, agent)).toBe(`one\n${MARKER(2)}two\n`)
  },
)

test('many shims at once for the second turn start its agent once', async () => {
  const site = makeSite()
  for (let round = 0; round < 5; round++) {
    const agent = await oneTurn(site)
    await site.directories.proceed(next(agent, 'two'))
    await Promise.all(Array.from({ length: 8 }, () => site.runtime.start(agent)))
    await reaches(site, agent, 'exited')
    expect(await text(site, agent)).toBe(`one\n${MARKER(2)}two\n`)
    expect(readFileSync(join(site.directories.path(agent), 'shim.log'), 'utf8')).toBe('')
  }
})

test('two who go on at once make one turn', async () => {
  const site = makeSite()
  const agent = await oneTurn(site)
  const both = await Promise.allSettled([1, 2].map(() => site.directories.proceed(next(agent, 'two'))))
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(await site.directories.status(agent)).toMatchObject({ state: 'ready', turn: 2 })
})

test('a message that comes between the making and the opening of the FIFO waits', async () => {
  const site = makeSite()
  const agent = freshName()
  onTestFinished(async () => void (await site.directories.stop(agent, 0)))
  const argv: Argv = ['sh', '-c', 'read line; echo "$line"']
  await site.directories.prepare({ ...next(agent, ''), argv, stdin: 'fifo' })
  const bin = temporaryDirectory()
  const real = execFileSync('sh', ['-c', 'command -v mkfifo'], { encoding: 'utf8' }).trim()
  writeFileSync(join(bin, 'mkfifo'), `#!/bin/sh\n${real} "$@"; sleep 0.3\n`)
  chmodSync(join(bin, 'mkfifo'), 0o755)
  const ended = startLate(site, agent, bin)
  await site.directories.send(agent, 'heard\n')
  await ended
  expect(await text(site, agent)).toBe('heard\n')
})
