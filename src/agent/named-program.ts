import { OrchError } from '../errors.ts'
import type { Argv, Env } from '../exec.ts'
import { oneLine } from '../text.ts'
import type { LaunchOrder } from './agent.ts'
import { findProgram } from './detect.ts'

/**
 * The program that a task names (`orch run --agent DRIVER -- PROGRAM ARGS`), found as its agent would find it.
 * @param env environment of the daemon; the agent's own PATH goes before.
 * @throws OrchError E_PROGRAM_MISSING before anything is started, E_INVALID without argv.
 */
export async function namedProgram(driver: string, env: Env, order: LaunchOrder): Promise<Argv> {
  const [name, ...args] = order.task.argv ?? []
  if (!name)
    throw new OrchError(
      'E_INVALID',
      `the ${driver} agent needs a program: orch run --agent ${driver} -- PROGRAM ARGS`,
    )
  const { PATH } = order.env
  const program = await findProgram(name, { ...env, ...(PATH && { PATH }) }, order.workspace)
  if (program) return [program, ...args]
  if (order.setUpFirst && name.includes('/')) return [name, ...args]
  throw new OrchError('E_PROGRAM_MISSING', `${oneLine(name, 80)} is not an executable program on PATH`, {
    details: { program: name },
  })
}
