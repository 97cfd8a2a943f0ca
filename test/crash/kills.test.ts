import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunView } from '../../src/api/contract.ts'
import { agent, type Orch, startOrch } from '../support/orch.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/**
 * kill -9 of the compiled daemon at random moments while five agents run. ORCH_TEST_KILLS sets how often. How soon the
 * API is back is printed and not judged: the machine may have other work.
 */
const KILLS = Number(process.env.ORCH_TEST_KILLS ?? 200)
const AT_ONCE = 5

let orch: Orch
let repository: SampleRepository
let marks: string
beforeAll(async () => {
  process.env.ORCH_TEST_DIST = '1'
  marks = join(temporaryDirectory('orch-marks'), 'marks')
  mkdirSync(marks)
  repository = await makeRepository({ commits: 2 })
  orch = await startOrch({ ORCH_MAX_AGENTS: String(AT_ONCE) })
})
afterAll(() => orch.close())

/** A repeatable stream of numbers in [0, 1): mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const lines = (name: string) =>
  existsSync(join(marks, name)) ? readFileSync(join(marks, name), 'utf8').trim().split('\n') : []

it(`loses nothing and does nothing twice over ${KILLS} kills`, { timeout: 1_800_000 }, async () => {
  const random = seeded(20_261_121)
  const runs: RunView[] = []
  const back: number[] = []
  const submit = async () => {
    const argv = [agent('works-for-a-while'), marks, '1']
    const tasks = Array.from({ length: AT_ONCE }, () => ({
      driver: 'command',
      argv,
      description: `Task ${runs.length}`,
    }))
    runs.push(await orch.submit(repository.path, tasks))
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const { counts } = await orch.client.call('status', { query: {} })
    const open = counts.queued + counts.leased + counts.working + counts.reported + counts.verified
    if (open < AT_ONCE) await submit()
    await new Promise((resolve) => setTimeout(resolve, random() * 500))
    back.push(await orch.crash())
  }

  const tasks = (await Promise.all(runs.map((run) => orch.finished(run.id, 120_000)))).flat()
  const { pulls } = await orch.client.call('pulls', { query: { repo: repository.path, forge: 'local' } })
  back.sort((a, b) => a - b)
  const share = (part: number) =>
    Math.round(back[Math.min(back.length - 1, Math.floor(back.length * part))] ?? 0)
  console.log(
    `${KILLS} kills, ${tasks.length} tasks; API back after p50 ${share(0.5)} ms, p95 ${share(0.95)} ms, max ${share(1)} ms`,
  )

  expect(tasks.filter((task) => task.state !== 'accepted')).toEqual([])
  expect(tasks.filter((task) => task.attempts.length !== 1)).toEqual([]) // taken up again, none begun anew
  expect(lines('doubles')).toEqual([])
  expect(lines('runs').sort()).toEqual(tasks.map((task) => task.agent).sort())
  expect(pulls.map((pull) => pull.head).sort()).toEqual(tasks.map((task) => task.branch).sort())
  expect((await orch.client.call('checkStore', {})).faults).toEqual([])
})
