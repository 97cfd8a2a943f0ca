import { createHash } from 'node:crypto'
import type { Launch, LaunchOrder } from '../agent.ts'
import { type HookScript, hookScript } from '../hooks/script.ts'
import { CODEX_HOOKS } from './hook-facts.ts'
import { instructionSettings, mcpSettings, OWN_PATH, permissionSettings, set, text } from './settings.ts'

/**
 * Codex with its terminal interface (checked against 0.169.0). All that it must not ask for is said on its command line,
 * which its person's settings go under: so it needs no copy of them, and its login and its sessions are where they were.
 */
export async function launchInteractive(program: string, order: LaunchOrder): Promise<Launch> {
  const { task, profile, workspace, directory, mcp, session, prompt } = order
  const model = task.model ?? profile.model
  const hooks = await hookScript('codex', directory)
  return {
    argv: [
      program,
      ...(session ? ['resume'] : []),
      ...(model ? ['--model', model] : []),
      ...OWN_PATH,
      ...instructionSettings(profile, model),
      ...(await permissionSettings(profile, workspace)),
      // Whoever attaches can be asked.
      ...(profile.permissions === 'ask' ? set('approval_policy', text('on-request')) : []),
      ...mcpSettings(mcp),
      ...set('projects', trusted([task.repo, workspace])),
      ...set('check_for_update_on_startup', 'false'),
      ...set('daemon_auto_start', 'false'),
      ...hookSettings(hooks),
      '--',
      ...(session ? [session] : []),
      prompt,
    ],
    env: {},
    stdin: 'terminal',
    stderr: 'merge',
    files: hooks.files,
  }
}

const trusted = (paths: readonly string[]): string =>
  `{${paths.map((path) => `${text(path)}={trust_level="trusted"}`).join(',')}}`

/** How long it waits for a hook, in seconds: for these two never longer. */
const PATIENCE_S = 10
const SHORT: Readonly<Record<string, number>> = { Interrupt: 3, SessionEnd: 3 }

/**
 * Our hooks, and their hashes as a person's trust in them: it runs no hook that nobody has trusted, and asks. To switch
 * that off for all (`--dangerously-bypass-hook-trust`) would trust whatever an agent has left in the repository.
 */
function hookSettings({ command }: HookScript): string[] {
  const handlers = Object.keys(CODEX_HOOKS).map((name) => ({
    name,
    event: name.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
    command: command(name),
    timeout: SHORT[name] ?? PATIENCE_S,
  }))
  const states = handlers.map(
    (it) => `${text(`${ORIGIN}:${it.event}:0:0`)}={trusted_hash=${text(hashOf(it))}}`,
  )
  return [
    ...handlers.flatMap((it) =>
      set(
        `hooks.${it.name}`,
        `[{hooks=[{type="command",command=${text(it.command)},timeout=${it.timeout}}]}]`,
      ),
    ),
    ...set('hooks.state', `{${states.join(',')}}`),
  ]
}

/** What it calls the settings of its command line. */
const ORIGIN = '/<session-flags>/config.toml'

/** As it writes it down when a person trusts a hook: over JSON with the keys in order. */
function hashOf({ event, command, timeout }: { event: string; command: string; timeout: number }): string {
  const handler = { async: false, command, timeout, type: 'command' }
  const identity = JSON.stringify({ event_name: event, hooks: [handler] })
  return `sha256:${createHash('sha256').update(identity).digest('hex')}`
}
