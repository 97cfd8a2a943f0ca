import { type PayloadOf, PERSON } from '../../message/message.ts'
import type { Task, WorkProof } from '../../task/task.ts'
import { awaitMail } from '../bus/await-mail.ts'
import { requestMs, send } from '../bus/bus.ts'
import { senderOf } from '../bus/sender.ts'
import { spawnTasks } from '../family/spawn.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'

/**
 * Verdicts that a task asks for (`TaskSpec.validate`) belong to its proof: an agent of each profile judges just this commit.
 * Undefined when this process lets go of the task meanwhile. @throws AttemptFailed when one refuses
 */
export async function validations(held: Held, head: string): Promise<WorkProof['validations'] | undefined> {
  const verdicts: NonNullable<WorkProof['validations']> = []
  for (const [index, profile] of (held.task.spec.validate ?? []).entries()) {
    const id = `m-${held.task.id}-${head.slice(0, 12)}-v${index}`
    const message = (await verdict(held, id)) ?? (await ask(held, { id, profile, head }))
    if (!message) return undefined
    verdicts.push({ profile, message })
  }
  return verdicts
}

interface Question {
  id: string
  profile: string
  head: string
}

/** Safe to be killed in: asked again, it is the same task and the same message. */
async function ask(held: Held, { id, profile, head }: Question): Promise<string | undefined> {
  const { parts, task, fence, signal } = held
  const { branch, base, title, repo } = task.spec
  const what = `Judge the work of task ${task.id} (${title}): the commit ${head} of ${branch} against ${base}. What was asked there:\n${task.spec.description.slice(0, 20_000)}`
  const order = {
    title: `Validate: ${title}`,
    description: what,
    profile,
    proof: 'answer',
    from: head,
    tries: 2,
    validate: [],
    origin: { kind: 'validation', message: id },
  } as const
  const { tasks } = await spawnTasks(parts, { task, fence }, id, [{ ...order, validate: [] }])
  const ttlMs = requestMs(await parts.settings(repo))
  const to = tasks[0]?.id ?? PERSON
  const payload = { what, task: task.id, branch, commit: head }
  await send(parts, senderOf(task), { to, type: 'validation_request', id, payload, ttlMs })
  return await awaitMail(parts, task.id, { ms: ttlMs, signal }, () => verdict(held, id))
}

/** The message with the verdict; read with that. @throws AttemptFailed when it refuses */
async function verdict({ parts, task, attempt }: Held, id: string): Promise<string | undefined> {
  const { mailboxes } = parts.store
  const found = await mailboxes.history({ correlationId: id, types: ['validation_result'], limit: 1 })
  const message = found[0]?.message
  if (!message) return undefined
  const reader = { mailbox: task.id, reader: attempt.agent, ids: [message.id], now: parts.clock.now() }
  if (found[0]?.state === 'waiting') await mailboxes.acknowledge(reader)
  const result = message.payload as PayloadOf<'validation_result'>
  if (result.verdict === 'refused') throw new AttemptFailed('validation-refused', refusal(task, result))
  return message.id
}

function refusal(task: Task, { summary, findings }: PayloadOf<'validation_result'>): string {
  const lines = findings.map(
    ({ title, severity, file, line, description }) =>
      `- ${severity}: ${title}${file ? ` (${file}${line ? `:${line}` : ''})` : ''}\n  ${description}`,
  )
  return [`the work of ${task.id} was judged and refused: ${summary}`, ...lines].join('\n')
}
