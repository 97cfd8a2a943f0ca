import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type LocalForgeSample, localForge } from '../../../test/support/local-forge.ts'
import { sampleEnv, sampleGit } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { systemClock } from '../../clock.ts'
import { exec } from '../../exec.ts'
import { createBare } from '../bare.ts'
import { type ConfiguredChecks, createCheckRunner } from './check-runner.ts'

async function opened() {
  const it = await localForge()
  const head = await it.branch('topic')
  await it.forge.base(it.repo, 'main')
  await it.forge.push(it.repo, 'topic')
  await it.forge.open(it.repo, { head: 'topic', base: 'main', title: '', body: '' })
  return { it, head }
}

const sh = (script: string, more: Partial<ConfiguredChecks[string]> = {}) => ({
  run: ['sh', '-c', script] as [string, ...string[]],
  required: true,
  timeoutMinutes: 1,
  ...more,
})
const run = (it: LocalForgeSample, checks: ConfiguredChecks) => it.runChecks(it.repo, 1, checks, sampleEnv)

test('checks run on the head, in a checkout that is removed', async () => {
  const { it, head } = await opened()
  const seen = join(temporaryDirectory(), 'seen')
  const checks = {
    good: sh(`pwd >'${seen}'; git rev-parse HEAD; cat topic.txt`),
    bad: sh('echo out; echo why >&2; exit 3', { required: false }),
  }
  const results = await run(it, checks)
  expect(results).toEqual([
    { name: 'good', state: 'success', required: true, commit: head, summary: `${head}\ntopic` },
    { name: 'bad', state: 'failure', required: false, commit: head, summary: 'out\nwhy\n(exit 3)' },
  ])
  expect(await it.forge.checks(it.repo, 1)).toEqual(results)
  expect(existsSync(readFileSync(seen, 'utf8').trim())).toBe(false)
  expect(await readdir(it.home)).toEqual(['repo.git'])
})

test('once for a commit, also when asked at the same time; again for the next', async () => {
  const { it } = await opened()
  const runs = join(temporaryDirectory(), 'runs')
  const checks = { count: sh(`echo x >>'${runs}'`) }
  await Promise.all([run(it, checks), run(it, checks)])
  await run(it, checks)
  expect(readFileSync(runs, 'utf8')).toBe('x\n')
  const next = await it.branch('topic', { from: 'topic', file: 'more' })
  await it.forge.push(it.repo, 'topic')
  expect(await run(it, checks)).toMatchObject([{ commit: next, state: 'success' }])
  expect(readFileSync(runs, 'utf8')).toBe('x\nx\n')
})

test('pending while it runs, and run again when the daemon died meanwhile', async () => {
  const { it, head } = await opened()
  const directory = temporaryDirectory()
  const checks = { slow: sh(`while [ ! -e '${directory}/go' ]; do sleep 0.02; done`) }
  const running = run(it, checks)
  await expect
    .poll(() => it.forge.checks(it.repo, 1), { timeout: 10_000 })
    .toMatchObject([{ name: 'slow', state: 'pending' }])
  const merging = it.forge.merge(it.repo, 1, { method: 'merge', expectedHead: head })
  await expect(merging).rejects.toMatchObject({ code: 'E_CHECKS' })
  await mkdir(join(directory, 'go'))
  expect(await running).toMatchObject([{ state: 'success' }])
  await it.check(await it.forge.get(it.repo, 1), { name: 'slow', state: 'pending' })
  expect(await run(it, checks)).toMatchObject([{ state: 'success' }])
})

test('too slow, with everything it started', async () => {
  const { it } = await opened()
  const pids = join(temporaryDirectory(), 'pids')
  const script = `sleep 300 & echo $! >'${pids}'; echo begun; wait`
  const [check] = await run(it, { slow: sh(script, { timeoutMinutes: 0.05 }) })
  expect(check).toMatchObject({ state: 'failure', summary: 'begun\n(stopped after 0.05 minutes)' })
  await gone(pids)
})

test('what a check leaves in the background ends with it', async () => {
  const { it } = await opened()
  const pids = join(temporaryDirectory(), 'pids')
  const [check] = await run(it, { quick: sh(`sleep 300 & echo $! >'${pids}'; echo done`) })
  expect(check).toMatchObject({ state: 'success', summary: 'done' })
  await gone(pids)
})

test('the last 100 lines are kept, without escape codes, of however much', async () => {
  const { it } = await opened()
  const script = `head -c 3000000 /dev/zero | tr '\\0' 'x' | fold; seq 200; printf '\\033[31mred\\033[0m\\n'; exit 1`
  const [check] = await run(it, { loud: sh(script) })
  const lines = check!.summary!.split('\n')
  expect(lines).toHaveLength(101)
  expect(lines.slice(-3)).toEqual(['200', 'red', '(exit 1)'])
  expect(lines[0]).toBe('102')
})

test('a program that is not there, and a pull request that is not there', async () => {
  const { it } = await opened()
  const [check] = await run(it, { gone: { run: ['no-such-program'], required: true, timeoutMinutes: 1 } })
  expect(check).toMatchObject({ state: 'failure', summary: expect.stringContaining('no-such-program') })
  await expect(it.runChecks(it.repo, 9, {}, sampleEnv)).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})

test('what a killed daemon left is swept away; nothing of the person’s repository is in a checkout', async () => {
  const { it } = await opened()
  await mkdir(join(it.home, 'check-old/work'), { recursive: true })
  const marker = join(temporaryDirectory(), 'ran')
  await it.git(['config', 'filter.x.smudge', `touch '${marker}'; cat`])
  await it.git(['config', 'core.fsmonitor', `touch '${marker}'`])
  expect(
    await run(it, { env: sh('git config --get-regexp "filter|fsmonitor" && exit 1; env') }),
  ).toMatchObject([{ state: 'success', summary: expect.not.stringContaining('ORCH') }])
  expect(existsSync(marker)).toBe(false)
  expect(await readdir(it.home)).toEqual(['repo.git'])
})

test('what could not be swept away once does not keep checks from running for ever', async () => {
  const { it } = await opened()
  const bare = createBare({ git: sampleGit('/'), root: join(it.home, '..') })
  const away = `${it.home}.away`
  let broken = true
  const open: typeof bare.open = async (repo) => {
    const own = await bare.open(repo)
    if (broken) await rename(it.home, away)
    return own
  }
  const runner = createCheckRunner({ bare: { open }, exec, records: it.records, clock: systemClock })
  const checks = { good: sh('true') }
  await runner.run(it.repo, 1, checks, sampleEnv).catch(() => {})
  broken = false
  await rename(away, it.home)
  expect(await runner.run(it.repo, 1, checks, sampleEnv)).toMatchObject([{ state: 'success' }])
})

async function gone(pids: string): Promise<void> {
  const pid = readFileSync(pids, 'utf8').trim()
  const state = () => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2]
    } catch {
      return 'gone'
    }
  }
  await expect.poll(state, { timeout: 10_000 }).toMatch(/gone|Z/)
}
