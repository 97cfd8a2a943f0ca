import { askAgain, neverArrived } from '../../api/ask-again.ts'
import type { Client } from '../../api/client.ts'
import type { AgentToolView } from '../../api/verbs/agent-tools.ts'
import type { Cli } from '../cli.ts'
import { patience } from '../patient.ts'

/** Calls of tools that outlive a restart of the daemon, and a store that is out of reach for a while. */
export interface PatientCalls {
  tools(): Promise<AgentToolView[]>
  /**
   * @throws OrchError what the daemon says; E_DAEMON, E_STORE_DOWN when it or its store stays away, or went in a call that must
   *   not be made twice.
   */
  call(name: string, input: Record<string, unknown>): Promise<Record<string, unknown>>
}

export async function createPatientCalls(
  cli: Pick<Cli, 'connect' | 'note' | 'world'>,
  token: string,
): Promise<PatientCalls> {
  const client = await cli.connect()
  const waiting = patience(cli)
  /** Asks again what cannot do anything twice, or was not asked at all. */
  const ask = <T>(repeatable: boolean, send: (client: Client) => Promise<T>): Promise<T> =>
    askAgain(() => send(client), {
      ...waiting,
      again: (error) => repeatable || neverArrived(error),
    })
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
