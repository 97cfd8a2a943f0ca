import { OrchError } from '../errors.ts'
import type { Attempt, Task } from '../task/task.ts'
import { driverOf } from './driver-choice.ts'
import type { Hearing } from './hearing.ts'
import type { Parts } from './parts.ts'
import { eventOf } from './stop.ts'

/** A permission question that an agent has asked. */
export interface Question {
  id: string
  /** What it is about, in the program's words. */
  about: string
}

/** Answers the oldest open question of an agent. Gives it, and how many are still open. @throws OrchError E_STATE, E_CANNOT_HEAR */
export async function permit(
  parts: Parts,
  { id }: Task,
  allowed: boolean,
): Promise<{ question: Question; open: number }> {
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  const task = await parts.store.tasks.get(id)
  if (!task || !attempt || (task.state !== 'working' && task.state !== 'waiting'))
    throw new OrchError('E_STATE', `${id} is ${task?.state ?? 'gone'}: nobody asks for a permission`)
  const hearing = await parts.hearings.of(attempt)
  const [question, ...others] = await openQuestions(parts, attempt, hearing)
  if (!question) throw new OrchError('E_STATE', `no permission question of ${id} is open`)
  const bytes = driverOf(parts, task, attempt).permit?.(question.id, allowed)
  if (bytes === undefined)
    throw new OrchError('E_CANNOT_HEAR', `this kind of agent cannot be answered from here`)
  await parts.directories.reply(attempt.agent, { id: `permit-${question.id}`, text: bytes })
  hearing.permitted.add(question.id)
  const data = { question: question.id, about: question.about, allowed }
  await parts.store.journal.append([{ ...eventOf(parts, attempt, 'agent.permitted'), data }])
  hearing.wake()
  return { question, open: others.length }
}

/** Questions without an answer, the oldest first. */
export async function openQuestions(parts: Parts, attempt: Attempt, hearing: Hearing): Promise<Question[]> {
  const { taskId, epoch } = attempt
  const events = await parts.store.journal.read({ taskId, types: ['waiting'], limit: 10_000 })
  return events
    .filter((event) => event.epoch === epoch && event.data?.question !== undefined)
    .map(({ data }) => ({ id: String(data?.question), about: String(data?.about ?? '') }))
    .filter((question) => !hearing.permitted.has(question.id))
}
