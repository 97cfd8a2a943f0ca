import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { orch as commandLine } from '../support/cli.ts'
import { joinOrch, type Orch, startOrch, until } from '../support/orch.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'

/** Daemons with state directories of their own over one Redis, and a repository that only one of them has. */

const QUICK = {
  ORCH_HEARTBEAT_SECONDS: '0.3',
  ORCH_STALE_SECONDS: '3',
  ORCH_LEASE_SECONDS: '2',
  ORCH_RECONCILE_SECONDS: '0.3',
}

let redis: RedisServer
let alpha: Orch
let sample: SampleRepository
beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes'])
  const cluster = { ORCH_REDIS: redis.url, ORCH_CLUSTER: 'git' }
  alpha = await startOrch({ ...cluster, ...QUICK, ORCH_HOST_NAME: 'alpha' })
  const profile = '---\ndescription: Tests things\ncapabilities: [testing]\n---\nYou test.\n'
  sample = await makeRepository({ files: { 'README.md': 'x\n', '.orch/profiles/own.md': profile } })
})
afterAll(async () => {
  await alpha?.close()
  await redis?.dispose()
})

const task = (script: string, more: object = {}) => ({
  driver: 'command',
  argv: ['sh', '-c', script],
  description: 'Do it',
  ...more,
})
const TWICE = `set -e
if [ -f one ]; then echo 2 >two; git add -A; git commit -qm two
else echo 1 >one; git add -A; git commit -qm one; sleep 1000; fi`
const cli = (at: Orch, ...argv: string[]) => commandLine(argv, { state: at.stateDir, env: { ...at.env } })
/** When the commit of its agent can be had by others. */
const given = (id: string): Promise<true> =>
  until('its commit was given', async () => {
    const text = await redis.ask('hgetall', `{git}:attempt:${id}:1`)
    return text.includes('carried') || undefined
  })

test('a machine dies in the middle of a task: another one, without the repository, brings it to its end', async () => {
  const run = await alpha.submit(sample.path, [task(TWICE, { profile: 'own' })])
  const id = run.tasks[0]?.id ?? ''
  await given(id)
  const there = await joinOrch(alpha, 'beta', QUICK)
  onTestFinished(() => there.close())
  await alpha.crash(async () => {
    const done = await until(
      'beta has done it',
      async () => {
        const found = await there.task(id)
        return found.state === 'accepted' && found
      },
      60_000,
    )
    expect(done).toMatchObject({ host: 'beta', repo: `alpha:${sample.path}`, used: 0 })
    expect(done.proof).toMatchObject({ filesChanged: ['one', 'two'] })
    const seen = await cli(there, 'pr', 'diff', '1', '--repo', `alpha:${sample.path}`)
    expect(seen).toMatchObject({ code: 0, out: expect.stringContaining('+++ b/two') })
    const merge = await cli(there, 'pr', 'merge', '1', '--repo', `alpha:${sample.path}`)
    expect(merge.code).not.toBe(0)
    expect(merge.err).toContain('E_HOST_GONE')
  })
  const list = await cli(alpha, 'pr', 'list', '--repo', sample.path)
  expect(list.out).toMatch(/1 .*open/)
  expect((await cli(alpha, 'pr', 'show', '1', '--repo', sample.path)).out).toContain('two')
  expect(await cli(there, 'pr', 'merge', '1', '--repo', `alpha:${sample.path}`)).toMatchObject({ code: 0 })
  expect(await sample.git(['show', 'main:two'])).toBe('2')

  // the next tasks begin at the merge, on whichever host
  const next = await alpha.submit(sample.path, [
    task('cat two >three; sleep 1'),
    task('cat two >four; sleep 1'),
  ])
  for (const done of await there.finished(next.id)) expect(done.state).toBe('accepted')
}, 180_000)
