import { readdirSync, readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { NewTaskRequest, SubmitRequest } from '../../src/api/contract.ts'
import { agent, type Orch, startOrch } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/** What exceeds its limits is ended, says so, and loses no work. */

const claude = fileURLToPath(new URL('../fixtures/agents/claude', import.meta.url))

let orch: Orch
beforeAll(async () => {
  const PATH = [claude, process.env.PATH].join(delimiter)
  orch = await startOrch({ PATH, ORCH_TRIES: '2', ORCH_MAX_AGENTS: '1' })
})
afterAll(() => orch.close())

async function finished(tasks: NewTaskRequest[], limits: Pick<SubmitRequest, 'limits'> = {}) {
  const { path, git } = await makeRepository()
  const requestId = crypto.randomUUID()
  const run = await orch.client.call('submit', { body: { requestId, repo: path, tasks, ...limits } })
  return { run, git, tasks: await orch.finished(run.id) }
}

/** In the command line of each process that the hog starts. */
const TRACE = `hog-${process.pid}`
const traced = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return pid !== String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(TRACE)
    } catch {
      return false // no process, or gone by now
    }
  })

/** Writes a file, then holds 200 MB in a child's child with a session of its own and none of its environment. */
const HOG = `
  require('node:fs').writeFileSync('half-done.txt', 'half')
  const { spawn } = require('node:child_process')
  const below = (script) => "require('node:child_process').spawn(process.execPath, ['-e', " + JSON.stringify(script) + "], { detached: true, stdio: 'ignore', env: {} }); setInterval(() => {}, 1000)"
  const takes = "'${TRACE}'; const b = Buffer.alloc(200e6, 1); setInterval(() => b[0]++, 1000)"
  spawn(process.execPath, ['-e', below(takes)], { detached: true, stdio: 'ignore', env: {} })
  setInterval(() => console.log('working'), 100)`

it('memory: of everything that the agent started; it is tried again, the work is saved, nothing is left', async () => {
  const limits = { memoryMegabytes: 180 }
  const argv = [process.execPath, '-e', HOG]
  const given = await finished([{ driver: 'command', argv, description: 'Take memory', limits }])
  const [task] = given.tasks
  expect(task).toMatchObject({ state: 'dead', reason: { code: 'memory-limit' }, attempt: 2 })
  expect(task?.reason?.message).toMatch(/took \d+ MB of memory; they may take 180 MB \(.*--memory\)/)
  expect(task?.attempts.map(({ saved }) => saved)).toEqual([expect.any(String), expect.any(String)])
  expect(traced()).toEqual([])
})

it('silence: an agent that says nothing counts as hung', async () => {
  const limits = { idleMinutes: 1 / 60 }
  const task = { driver: 'command', argv: [agent('hangs')], description: 'Hang', tries: 1, limits }
  const { tasks } = await finished([task])
  expect(tasks).toMatchObject([{ state: 'dead', reason: { code: 'idle-limit' } }])
})

it('a run that has used up its money begins nothing more, and usage tells why', async () => {
  const works = { driver: 'claude', description: 'Add work' }
  const { run, tasks } = await finished([works, works], { limits: { costUsd: 0.000_001 } })
  expect(tasks).toMatchObject([
    { state: 'accepted' },
    {
      state: 'dead',
      attempt: 1,
      reason: { code: 'run-limit', message: expect.stringContaining('--max-cost') },
    },
  ])
  const { sums, total } = await orch.client.call('usage', { query: { run: run.id, by: 'task' } })
  expect(sums.map(({ key }) => key).sort()).toEqual(tasks.map(({ id }) => id).sort())
  expect(total).toMatchObject({ agents: 2, withoutCost: 1 })
  expect(total.usage.costUsd).toBe(tasks[0]?.usage.costUsd)
  expect(total.usage.inputTokens).toBeGreaterThan(0)
})
