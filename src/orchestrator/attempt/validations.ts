import type { Delivery } from '../../message/delivery.ts'
import { ORCH, type PayloadOf } from '../../message/message.ts'
import type { Task, WorkProof } from '../../task/task.ts'
import { awaitMail } from '../bus/await-mail.ts'
import { requestMs } from '../bus/bus.ts'
import { countAsRead } from '../bus/count-as-read.ts'
import { ask } from '../bus/route.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'

/**
 * Verdicts that a task asks for (`TaskSpec.validate`) belong to its proof: an agent of each profile judges just this commit.
 * Undefined when this process lets go of the task meanwhile. @throws AttemptFailed when one refuses
 */
export async function validations(held: Held, head: string): Promise<WorkProof['validations'] | undefined> {
  const verdicts: NonNullable<WorkProof['validations']> = []
  for (const [index, profile] of (held.task.spec.validate ?? []).entries()) {
    const id = await requestId(held, `m-${held.task.id}-${head.slice(0, 12)}-v${index}`)
    const message = (await verdict(held, id)) ?? (await askFor(held, { id, profile, head }))
    if (!message) return undefined
    verdicts.push({ profile, message })
  }
  return verdicts
}

/** One request for one commit, whichever attempt asks; but what nobody answered in time is asked anew by the next one. */
async function requestId({ parts, task }: Held, id: string): Promise<string> {
  const given = (await verdictOn(parts, id))?.message
  const isStale = given?.from === ORCH && given.to === task.id && task.used > 0
  return isStale ? `${id}-${task.epoch}` : id
}

interface Question {
  id: string
  profile: string
  head: string
}

/** Of an agent of that profile that is free, else of one that is started for it. Asked again it is the same request. */
async function askFor(held: Held, { id, profile, head }: Question): Promise<string | undefined> {
  const { parts, task, fence, signal } = held
  const { branch, base, title, description, repo } = task.spec
  const what = `Judge the work of task ${task.id} (${title}): the commit ${head} of ${branch} against ${base}. What was asked there:\n${description.slice(0, 20_000)}`
  const payload = { what, task: task.id, branch, commit: head }
  await ask(parts, { task, fence }, { id, type: 'validation_request', payload, capability: profile })
  const ms = requestMs(await parts.settings(repo))
  return await awaitMail(parts, task.id, { ms, signal }, () => verdict(held, id))
}

/** The message with the verdict; read with that. @throws AttemptFailed when it refuses */
async function verdict({ parts, task, attempt }: Held, id: string): Promise<string | undefined> {
  const found = await verdictOn(parts, id)
  if (!found) return undefined
  const { message } = found
  if (found.state === 'waiting') await countAsRead(parts, { task, attempt }, [message.id])
  const result = message.payload as PayloadOf<'validation_result'>
  if (message.from === ORCH) throw new AttemptFailed('validation-failed', result.summary)
  if (result.verdict === 'refused') throw new AttemptFailed('validation-refused', refusal(task, result))
  return message.id
}

async function verdictOn({ store }: Held['parts'], id: string): Promise<Delivery | undefined> {
  const query = { correlationId: id, types: ['validation_result' as const], limit: 1 }
  return (await store.mailboxes.history(query))[0]
}

function refusal(task: Task, { summary, findings }: PayloadOf<'validation_result'>): string {
  const lines = findings.map(
    ({ title, severity, file, line, description }) =>
      `- ${severity}: ${title}${file ? ` (${file}${line ? `:${line}` : ''})` : ''}\n  ${description}`,
  )
  return [`the work of ${task.id} was judged and refused: ${summary}`, ...lines].join('\n')
}
