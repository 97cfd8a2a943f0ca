import { OrchError } from '../errors.ts'
import type { Attempt, Task } from '../task/task.ts'
import { driverOf } from './launch.ts'
import type { Parts } from './parts.ts'

/**
 * A word of a person to a running agent. When the promise resolves the agent will read it: its attempt does not end
 * before. @throws OrchError E_CANNOT_HEAR, E_STATE
 */
export async function say(parts: Parts, { id }: Task, text: string): Promise<void> {
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  const hearing = attempt && (await parts.hearings.of(attempt))
  const task = await parts.store.tasks.get(id)
  if (!task) throw new OrchError('E_NOT_FOUND', `there is no task ${id}`)
  const driver = driverOf(parts, task)
  if (!driver.conversational)
    throw new OrchError('E_CANNOT_HEAR', `an agent of the kind ${driver.name} cannot be spoken to`)
  const listens = task.epoch === attempt?.epoch && (task.state === 'working' || task.state === 'waiting')
  if (!hearing || hearing.over || !listens)
    throw new OrchError('E_STATE', `${id} is ${hearing?.over ? 'at its end' : task.state}: nobody listens`)
  hearing.said++
  try {
    await parts.directories.send(attempt.agent, driver.say(text))
  } catch (error) {
    hearing.said--
    throw error
  }
  await note(parts, task, attempt, text)
}

async function note(parts: Parts, task: Task, attempt: Attempt, text: string): Promise<void> {
  const event = {
    type: 'agent.said',
    at: parts.clock.now(),
    runId: task.runId,
    taskId: task.id,
    epoch: attempt.epoch,
    agent: attempt.agent,
  } as const
  await parts.store.journal.append([{ ...event, data: { text } }])
}
