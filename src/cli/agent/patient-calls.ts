import type { Client } from '../../api/client.ts'
import type { AgentToolView } from '../../api/verbs/agent-tools.ts'
import { OrchError } from '../../errors.ts'
import type { Cli } from '../cli.ts'

/** Calls of tools that outlive a restart of the daemon. */
export interface PatientCalls {
  tools(): Promise<AgentToolView[]>
  /** @throws OrchError what the daemon says; E_DAEMON when it stays away, or went in a call that must not be made twice. */
  call(name: string, input: Record<string, unknown>): Promise<Record<string, unknown>>
}

/** Each time a daemon had come back, and went away again before it answered. */
const MOST_ROUNDS = 5

export async function createPatientCalls(cli: Pick<Cli, 'connect'>, token: string): Promise<PatientCalls> {
  let client = await cli.connect()
  /** Waits for the next daemon and asks again, when that cannot do anything twice. */
  const ask = async <T>(again: boolean, send: (client: Client) => Promise<T>, round = 0): Promise<T> => {
    const asked = client
    try {
      return await send(asked)
    } catch (error) {
      if (round === MOST_ROUNDS || !isAway(error) || !(again || neverArrived(error))) throw error
      const next = await cli.connect()
      if (client === asked) client = next
      return await ask(again, send, round + 1)
    }
  }
  const tools = async () => (await ask(true, (it) => it.call('agentTools'))).tools
  return {
    tools,
    async call(name, body) {
      const tool = (await tools()).find((it) => it.name === name)
      return await ask(tool?.idempotent ?? false, (it) =>
        it.call('agentCall', { params: { tool: name }, bearer: token, body }),
      )
    },
  }
}

const isAway = (error: unknown) => error instanceof OrchError && error.code === 'E_DAEMON'
const neverArrived = (error: unknown) =>
  ['ECONNREFUSED', 'ENOENT'].includes((error as { cause?: { code?: string } }).cause?.code ?? '')
