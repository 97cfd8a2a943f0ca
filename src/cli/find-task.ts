import type { Client } from '../api/client.ts'
import type { TaskDetail } from '../api/contract.ts'
import { OrchError } from '../errors.ts'
import { oneLine } from '../text.ts'
import { nearest } from './nearest.ts'

/**
 * The task that a person means: by its id, the beginning of it, or the name of an agent.
 * @throws OrchError E_NOT_FOUND with the nearest id, E_AMBIGUOUS, E_INVALID
 */
export async function findTask(client: Client, name: string): Promise<TaskDetail> {
  try {
    return await client.call('task', { params: { id: name } })
  } catch (error) {
    if (!(error instanceof OrchError) || !['E_NOT_FOUND', 'E_INVALID'].includes(error.code)) throw error
    throw await withSuggestion(client, name, error)
  }
}

async function withSuggestion(client: Client, name: string, error: OrchError): Promise<OrchError> {
  const known = await client.call('status', { query: {} }).catch(() => undefined)
  const names = known?.tasks.flatMap(({ id, agent }) => (agent ? [id, agent] : [id])) ?? []
  const wanted = name.toLowerCase()
  const meant =
    nearest(wanted, names) ??
    nearest(
      wanted,
      names.map((it) => it.slice(0, wanted.length)),
    )
  if (!meant) return error
  const whole = names.find((it) => it.startsWith(meant)) ?? meant
  return new OrchError(
    'E_NOT_FOUND',
    `there is no task or agent ${oneLine(name, 64)}; did you mean ${whole}?`,
    {
      cause: error,
    },
  )
}
