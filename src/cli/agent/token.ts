import { OrchError } from '../../errors.ts'
import type { World } from '../world.ts'

/** The token of the agent that we are called from. @throws OrchError E_UNAUTHORIZED outside of agents. */
export function agentToken({ environment }: Pick<World, 'environment'>): string {
  const token = environment.env.ORCH_AGENT_TOKEN
  if (token) return token
  throw new OrchError(
    'E_UNAUTHORIZED',
    'these commands are for agents, and this is none: ORCH_AGENT_TOKEN is not set',
    {
      fix: 'Orch gives the token to each agent that it starts. People use orch show, orch say and orch status.',
    },
  )
}
