import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import { type Orch, startOrch } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A whole team that talks: the example of the issue, with real agents of a real daemon. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const here = (path: string) => join(import.meta.dirname, path)

const types = ['message.sent', 'message.read']

test('an auditor, a developer, a database expert, tests and documentation bring one finding to its end', async () => {
  const meet = temporaryDirectory('orch-meet')
  const { path, git } = await makeRepository()
  const program = [process.execPath, here('../../src/cli/main.ts')]
  const argv = [process.execPath, here('../fixtures/agents/works-in-a-team.mjs'), meet, ...program]
  const member = (profile: string) => ({ driver: 'command', argv, description: `Be the ${profile}`, profile })
  const run = await orch.submit(path, [member('project-manager'), member('security-auditor')])
  const tasks = await orch.finished(run.id, 150_000)

  const by = (profile: string) => tasks.filter((task) => task.profile === profile)
  expect(tasks.map(({ state, profile, reason }) => [profile, state, reason?.message])).toEqual(
    tasks.map(({ profile }) => [profile, 'accepted', undefined]),
  )
  expect(by('security-auditor')[0]?.handedTo).toEqual([by('backend-api-developer')[0]?.id])
  expect(by('backend-api-developer')[0]?.handedTo).toHaveLength(2)
  expect(by('database-optimizer')[0]?.answer).toEqual(expect.any(String))

  const events: { type: string; data?: Record<string, unknown> }[] = []
  for await (const event of orch.client.events({ run: run.id, after: 0, types, follow: false }))
    events.push(event)
  const sent = events
    .filter(({ type }) => type === 'message.sent')
    .map(({ data }) => data as unknown as Message)
  expect(
    sent.map(({ type, payload }) => [type, payload.verdict ?? payload.goal].filter(Boolean).join(' ')),
  ).toEqual([
    'finding_report',
    'handoff Mend the SQL injection',
    'assistance_request',
    'assistance_response',
    'validation_request',
    'validation_result refused',
    'validation_request',
    'validation_result approved',
    'handoff Test the login',
    'handoff Document the login',
  ])
  const read = events.filter(({ type }) => type === 'message.read').map(({ data }) => data?.id)
  expect(new Set(read)).toEqual(new Set(sent.map(({ id }) => id)))
  expect(read).toHaveLength(sent.length)

  for (const [profile, file] of [
    ['test-suite-developer', 'login.test.txt'],
    ['docs-writer', 'login.md'],
  ] as const) {
    const { branch, proof, pullRequest } = by(profile)[0]!
    expect(pullRequest).toBeDefined()
    expect(proof?.filesChanged).toEqual([file, 'login.txt'].sort())
    expect(await git(['show', `${branch}:login.txt`])).toContain('password: By the parameters')
  }
}, 180_000)
