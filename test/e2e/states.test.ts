import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { judgeStates, playStates, STATES_PATH } from '../support/states.ts'

/** What Orch says of an agent is what the agent is at. How fast it knows is in bench/states.ts. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ PATH: STATES_PATH })
})
afterAll(() => orch.close())

describe('states by a script', () => {
  it('a thousand changes of five agents: none is wrong', async () => {
    const played = await playStates(orch, { agents: 5, changes: 200, apart: [10, 60, 1_500] })
    const judged = played.map((it) => judgeStates(it, 1_200))
    expect(judged.flatMap(({ errors }) => errors)).toEqual([])
    expect(judged.reduce((sum, { changes }) => sum + changes, 0)).toBe(1_000)
  }, 180_000)

  const give = async (description: string, more: object = {}) => {
    const { path } = await makeRepository()
    const run = await orch.submit(path, [{ description, driver: 'claude', tries: 1, ...more }])
    return run.tasks[0]?.id ?? ''
  }

  it('a quota: waiting, until when, and no try used', async () => {
    const id = await give('[[quota]]')
    const task = await until('it waits', async () => {
      const now = await orch.task(id)
      return now.state === 'waiting' && now
    })
    expect(task).toMatchObject({ waitingFor: 'quota', resetAt: '2096-10-02T07:06:40.000Z', used: 0 })
    await orch.client.call('cancel', { params: { id } })
  })

  it('dead: said so with the signal', async () => {
    const id = await give('[[dies]]')
    const [task] = await orch.finished((await orch.task(id)).runId)
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'no-result' } })
    expect(task?.reason?.message).toContain('signal 9')
  })

  it('hung: ended after the time without a word, and said so', async () => {
    const id = await give('[[hangs]]', { limits: { idleMinutes: 0.02 } })
    const [task] = await orch.finished((await orch.task(id)).runId)
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'idle-limit' } })
  })
})
