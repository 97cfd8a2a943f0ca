import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env, Exec } from '../../exec.ts'
import { gitConfigEnv, joinEnvironments } from '../../git-config-env.ts'
import type { LaunchOrder } from '../agent.ts'
import { policyOf } from './policy.ts'
import type { GeminiHome } from './settings.ts'

/** What Gemini CLI is started with, headless and with its terminal interface. */

/** One process instead of two; it starts the second only to give itself more memory. */
const QUIET: Env = { GEMINI_CLI_NO_RELAUNCH: 'true' }
const POLICY = 'gemini-policy.toml'
const TIERS = { strong: 'pro', standard: undefined, fast: 'flash' } as const

/** Permissions, model, session and MCP servers, with the file that the permissions need. */
export async function commonOptions(
  order: LaunchOrder,
  home: GeminiHome,
): Promise<{ options: string[]; files: Record<string, string> }> {
  const { task, profile, session, mcp } = order
  const model = task.model ?? profile.model ?? TIERS[profile.tier]
  const { mode, rules } = policyOf(profile)
  // Paths of policies replace the person's own, so theirs is named too.
  const own = rules === undefined || !(await isThere(home.policies)) ? [] : ['--policy', home.policies]
  const options = [
    ...['--skip-trust', '--approval-mode', mode],
    ...own,
    ...(rules === undefined ? [] : ['--policy', join(order.directory, POLICY)]),
    ...(mcp.length ? [`--allowed-mcp-server-names=${mcp.map(({ name }) => name).join(',')}`] : []),
    ...(model ? ['--model', model] : []),
    ...(session ? ['--resume', session] : []),
  ]
  return { options, files: rules === undefined ? {} : { [POLICY]: rules } }
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

export async function environmentFor(exec: Exec, order: LaunchOrder, home: GeminiHome): Promise<Env> {
  return { ...QUIET, GEMINI_CLI_HOME: home.path, ...(await identity(exec, order)) }
}

/** Its shell hides the person's ~/.gitconfig from git, so whose commits they are is told in the environment. */
async function identity(exec: Exec, { workspace, env }: LaunchOrder): Promise<Env> {
  const settings: [string, string][] = []
  for (const name of ['user.name', 'user.email']) {
    const { code, stdout } = await exec(['git', 'config', '--get', name], { cwd: workspace, env })
    if (code === 0) settings.push([name, stdout.trimEnd()])
  }
  if (settings.length === 0) return {}
  const all = Object.entries(joinEnvironments(env, gitConfigEnv(settings)))
  return Object.fromEntries(all.filter(([name]) => name.startsWith('GIT_CONFIG_')))
}
