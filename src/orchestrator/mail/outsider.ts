import { OrchError } from '../../errors.ts'
import type { RunId } from '../../id.ts'
import { ORCH, PERSON } from '../../message/message.ts'
import { oneLine } from '../../text.ts'
import { taskOf } from '../agent-name.ts'
import type { Sender } from '../bus/sender.ts'
import type { Parts } from '../parts.ts'

/** People and programs: who writes and reads without being an agent. */

const SPEAKS =
  'Only the token of an agent speaks for it: `orch agent send-message`, or its tool send_message.'

/**
 * Refuses names that belong to others: an agent or its task, Orch itself. @throws OrchError E_FORBIDDEN
 */
export async function checkOwnName({ store }: Parts, name: string): Promise<void> {
  const taskId = taskOf(name)
  const belongs = name === ORCH || name.startsWith('t-') || (taskId && (await store.tasks.get(taskId)))
  if (!belongs) return
  const whose = name === ORCH ? 'Orch itself' : 'an agent'
  throw new OrchError('E_FORBIDDEN', `${oneLine(name, 64)} is the name of ${whose}`, { fix: SPEAKS })
}

/**
 * Who sends: a person, or a program that has a mailbox.
 * @throws OrchError E_FORBIDDEN, E_NOT_FOUND (program or run), E_STATE (its mailbox is closed)
 */
export async function outsider(
  parts: Parts,
  { from, run }: { from: string; run?: string | undefined },
): Promise<Sender> {
  await checkOwnName(parts, from)
  if (from !== PERSON) await checkMailbox(parts, from)
  return { mailbox: from, ...(run !== undefined && { runId: await knownRun(parts, run as RunId) }) }
}

async function checkMailbox({ store }: Parts, name: string): Promise<void> {
  const box = await store.mailboxes.find(name)
  const fix = 'Open it first: `registerAgent` of the library, or POST /v1/mailboxes.'
  if (!box) throw new OrchError('E_NOT_FOUND', `no program has the mailbox ${name}`, { fix })
  if (!box.open) throw new OrchError('E_STATE', `the mailbox ${name} is closed`, { fix })
}

async function knownRun({ store }: Parts, runId: RunId): Promise<RunId> {
  if (await store.tasks.run(runId)) return runId
  throw new OrchError('E_NOT_FOUND', `there is no run ${runId}`)
}
