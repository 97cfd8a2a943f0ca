import type { Exec } from '../../exec.ts'
import type { Launch, LaunchOrder } from '../agent.ts'
import { hookScript } from '../hooks/script.ts'
import { GEMINI_HOOKS } from './hook-facts.ts'
import { commonOptions, environmentFor } from './options.ts'
import { makeHome } from './settings.ts'

/** Gemini CLI with its terminal interface (checked against 0.61.0); its hooks stand in the private copy of the settings. */
export async function launchInteractive(program: string, exec: Exec, order: LaunchOrder): Promise<Launch> {
  const script = await hookScript('gemini', order.directory)
  const hooks = Object.keys(GEMINI_HOOKS).map((name) => [name, script.command(name)] as const)
  const home = await makeHome(order, Object.fromEntries(hooks))
  const { options, files } = await commonOptions(order, home)
  return {
    argv: [program, ...options, `--prompt-interactive=${promptOf(order)}`],
    env: await environmentFor(exec, order, home),
    stdin: 'terminal',
    stderr: 'merge',
    files: { ...files, ...script.files },
  }
}

/** The profile's words follow the task's, once a session; behind a space a `/` begins no command of the program. */
function promptOf({ prompt, profile, session }: LaunchOrder): string {
  const words = [prompt, ...(profile.prompt && !session ? [profile.prompt] : [])].join('\n\n')
  return words.startsWith('/') ? ` ${words}` : words
}
