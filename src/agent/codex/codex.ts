import type { Clock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import type { Env, Exec } from '../../exec.ts'
import type { Driver } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { createHookReader } from '../hooks/reader.ts'
import { CODEX_HOOKS } from './hook-facts.ts'
import { launchInteractive } from './interactive.ts'
import { createCodexReader } from './reader.ts'
import { instructionSettings, mcpSettings, OWN_PATH, permissionSettings } from './settings.ts'

/**
 * The driver `codex`: OpenAI Codex as `codex exec --json` (checked against 0.169.0). A process is one turn; its prompt is
 * on standard input, so that it may hold anything. A further turn is `codex exec resume` with the id of its thread.
 */
export function createCodexDriver({
  exec,
  env,
  clock,
}: {
  exec: Exec
  env: Env
  clock: Pick<Clock, 'now'>
}): Driver {
  const detect = () => detectProgram(exec, env, 'codex')
  const program = async () => {
    const found = await detect()
    if (!found) throw new OrchError('E_NO_AGENT', 'codex is not installed')
    return found.program
  }
  return {
    name: 'codex',
    conversation: 'processes',
    resumes: true,
    tellsSessionUsage: true,
    footprintMegabytes: 200,
    commitsLeftovers: false,
    detect,
    launch: async ({ task, profile, workspace, mcp, session }) => {
      const model = task.model ?? profile.model
      return {
        argv: [
          await program(),
          'exec',
          ...(session ? ['resume'] : []),
          '--json',
          ...(model ? ['--model', model] : []),
          ...OWN_PATH,
          ...instructionSettings(profile, model),
          ...(await permissionSettings(profile, workspace)),
          ...mcpSettings(mcp),
          // `--`: a session id is data. `-`: the prompt is on standard input.
          ...(session ? ['--', session, '-'] : ['--', '-']),
        ],
        env: {},
        stdin: 'prompt',
        stderr: 'apart',
      }
    },
    reader: () => createCodexReader(() => clock.now()),
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'codex hears when its turn has ended')
    },
    interactive: {
      launch: async (order) => await launchInteractive(await program(), order),
      reader: () => createHookReader('codex', CODEX_HOOKS),
      mostOffered: 9_000,
    },
  }
}
