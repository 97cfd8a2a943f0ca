import { join } from 'node:path'
import type { Launch, LaunchOrder } from '../agent.ts'
import { type HookScript, hookScript } from '../hooks/script.ts'
import { CLAUDE_HOOKS } from './hook-facts.ts'
import { commonOptions, environmentFor, mcpFiles } from './options.ts'
import { permissionOptions } from './permissions.ts'
import { makeHome } from './private-home.ts'
import { asText } from './user-message.ts'

const SETTINGS_FILE = 'claude-settings.json'

/** Claude Code with its terminal interface (checked against 2.1.329). Its hooks tell what it does. */
export async function launchInteractive(program: string, order: LaunchOrder): Promise<Launch> {
  const { profile, mcp, directory } = order
  const home = await makeHome(order)
  const hooks = await hookScript('claude', directory)
  // The question goes to the terminal, where whoever attaches can answer it; so `ask` is what `edits` is.
  const permissions = profile.permissions === 'ask' ? 'edits' : profile.permissions
  return {
    argv: [
      program,
      ...['--settings', join(directory, SETTINGS_FILE)],
      ...permissionOptions({ ...profile, permissions }, mcp),
      ...commonOptions(order),
      '--',
      asText(order.prompt),
    ],
    env: { ...environmentFor(order), ...home },
    stdin: 'terminal',
    stderr: 'merge',
    files: { ...mcpFiles(order), ...hooks.files, [SETTINGS_FILE]: settings(hooks) },
  }
}

/** How long it waits for a hook, in seconds. */
const PATIENCE_S = 10

function settings({ command }: HookScript): string {
  const hooks = Object.keys(CLAUDE_HOOKS).map((name) => [
    name,
    [{ hooks: [{ type: 'command', command: command(name), timeout: PATIENCE_S }] }],
  ])
  return JSON.stringify(
    { hooks: Object.fromEntries(hooks), skipDangerousModePermissionPrompt: true },
    null,
    2,
  )
}
