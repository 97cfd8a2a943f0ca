import { OrchError } from '../../errors.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { driverOf } from '../attempt/driver-choice.ts'
import { eventOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import type { Hearing } from './hearing.ts'

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
  const answered = await hearing.alone(() => answer(parts, task, attempt, hearing, allowed))
  hearing.wake()
  return answered
}

async function answer(parts: Parts, task: Task, attempt: Attempt, hearing: Hearing, allowed: boolean) {
  const [question, ...others] = await openQuestions(parts, attempt, hearing)
  if (!question) throw new OrchError('E_STATE', `no permission question of ${task.id} is open`)
  const bytes = driverOf(parts, task, attempt).permit?.(question.id, allowed)
  if (bytes === undefined)
    throw new OrchError('E_CANNOT_HEAR', `this kind of agent cannot be answered from here`)
  await parts.directories.reply(attempt.agent, { id: `permit-${question.id}`, text: bytes })
  hearing.permitted.add(question.id)
  const data = { question: question.id, about: question.about, allowed }
  await parts.store.journal.append([{ ...eventOf(parts, attempt, 'agent.permitted'), data }])
  return { question, open: others.length }
}

/** Where one of these is, no question of before is open any more. */
const BOUNDS = ['turn.started', 'turn.ended', 'agent.continued'] as const

/** Questions of this turn without an answer, the oldest first. */
export async function openQuestions(parts: Parts, attempt: Attempt, hearing: Hearing): Promise<Question[]> {
  const { taskId, epoch } = attempt
  const all = await parts.store.journal.read({ taskId, types: ['waiting', ...BOUNDS], limit: 10_000 })
  const ours = all.filter((event) => event.epoch === epoch)
  return ours
    .slice(ours.findLastIndex(({ type }) => type !== 'waiting') + 1)
    .filter(({ data }) => data?.question !== undefined)
    .map(({ data }) => ({ id: String(data?.question), about: String(data?.about ?? '') }))
    .filter((question) => !hearing.permitted.has(question.id))
}
