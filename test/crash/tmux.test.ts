import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

let orch: Orch
beforeEach(async () => {
  orch = await startOrch({ ORCH_TRIES: '2' })
})
afterEach(() => orch.close())

const serverPid = () =>
  Number(
    execFileSync('tmux', ['-S', orch.paths.tmuxSocket, 'display-message', '-p', '#{pid}'], {
      encoding: 'utf8',
    }),
  )

it('finds attempts lost at once when the tmux server is killed, saves their work, and tries once more', async () => {
  const repository = await makeRepository()
  const argv = [agent('writes-then-hangs')]
  const { id, tasks } = await orch.submit(
    repository.path,
    [1, 2, 3].map((n) => ({ driver: 'command', argv, description: `Task ${n}` })),
  )
  for (const { id } of tasks)
    await until('work was begun', async () =>
      (await orch.client.call('log', { params: { id }, query: {} })).text.includes('begun'),
    )

  process.kill(serverPid(), 'SIGKILL')
  const killedAt = Date.now()
  for (const { id } of tasks) {
    const task = await until('the attempt is found lost', async () => {
      const it = await orch.task(id)
      return it.attempts[0]?.outcome === 'failed' && it
    })
    const [first] = task.attempts
    expect(first?.reason?.code).toBe('lost')
    expect(Date.parse(first?.endedAt ?? '') - killedAt).toBeLessThan(10_000) // two seconds where nothing else runs
    expect(await repository.git(['show', `${first?.saved}:half-done.txt`])).toBe('half of the work')
  }
  const done = await orch.finished(id)
  expect(done.map((task) => [task.state, task.attempts.length])).toEqual(done.map(() => ['accepted', 2]))
})
