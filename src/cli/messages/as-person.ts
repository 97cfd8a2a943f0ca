import { OrchError } from '../../errors.ts'
import type { Cli } from '../cli.ts'

/** What an agent says must come from the agent: not from `person`. @throws OrchError E_FORBIDDEN inside an agent */
export function checkIsPerson({ world }: Pick<Cli, 'world'>, instead: string): void {
  if (world.environment.env.ORCH_AGENT_TOKEN === undefined) return
  throw new OrchError('E_FORBIDDEN', 'this is a command for people, and this is the shell of an agent', {
    fix: `Agents use ${instead}: then the message is theirs.`,
  })
}
