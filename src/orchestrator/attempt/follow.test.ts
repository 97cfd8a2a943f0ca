import { expect, it } from 'vitest'
import { beginWith, ended, order, realParts, surround, taskWhen } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { OrchError } from '../../errors.ts'
import type { Parts } from '../parts.ts'

it('tells when the agent started and how it ended, once each', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const task = await order(await beginWith(parts), path, 'echo work >work.txt')
  await ended(parts, task)
  const types = ['agent.started', 'agent.exited', 'agent.stopped'] as const
  const told = await parts.store.journal.read({ taskId: task.id, types: [...types] })
  expect(told).toMatchObject([
    { type: 'agent.started', epoch: 1, data: { driver: 'command', runtime: 'process' } },
    { type: 'agent.exited', epoch: 1, data: { phase: 'agent', status: 0 } },
  ])
})

/** The driver `command`, whose lines `wait` and `go` mean what they say. */
function talking(parts: Parts): Parts {
  const command = parts.drivers.get('command')!
  const reader = () => {
    const own = command.reader()
    const events = { wait: { type: 'waiting', for: 'input' }, go: { type: 'message', text: 'on' } } as const
    return {
      ...own,
      line: (line: string) => ({ ...own.line(line), events: line in events ? [events[line as 'go']] : [] }),
    }
  }
  return { ...parts, drivers: new Map([['command', { ...command, reader }]]) }
}

it('shows that an agent waits although the daemon died between the two words of it', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let failed = false
  const faulty = surround(talking(parts), async (name, call) => {
    if (name === 'tasks.wait' && !failed) {
      failed = true
      throw new OrchError('E_STORE', 'not now')
    }
    return call()
  })
  const orchestrator = await beginWith(faulty)
  const task = await order(orchestrator, path, 'echo wait; sleep 1000')
  await taskWhen(
    parts,
    task,
    'waits',
    ({ state, waitingFor }) => state === 'waiting' && waitingFor === 'input',
  )
  await orchestrator.cancel(task.id)
})

it.each([
  ['what set-up steps print', { setup: [{ run: ['sh', '-c', 'yes'] as [string, ...string[]] }] }, 'true'],
  ['what the agent prints', {}, 'yes'],
])('%s is limited', async (_, more, script) => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const settings = async () => ({ ...parts.config, outputMegabytes: 1, ...more })
  const task = await order(await beginWith({ ...parts, settings }), path, script, { tries: 1 })
  expect(await ended(parts, task)).toMatchObject({ state: 'dead', reason: { code: 'output-limit' } })
  const stopped = await parts.store.journal.read({ taskId: task.id, types: ['agent.stopped'] })
  expect(stopped).toMatchObject([{ data: { reason: { code: 'output-limit' } } }])
})
