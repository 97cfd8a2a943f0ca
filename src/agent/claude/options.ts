import { join } from 'node:path'
import type { Env } from '../../exec.ts'
import type { LaunchOrder } from '../agent.ts'
import { mcpConfig } from './mcp-config.ts'

/** What Claude Code is started with, headless and with its terminal interface. */

/** It must not update itself or call home while it works for us. */
const QUIET: Env = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
const MCP_FILE = 'claude-mcp.json'
/** Names that the program keeps pointing at its newest; `standard` is whatever its user has chosen. */
const TIERS = { strong: 'opus', standard: undefined, fast: 'haiku' } as const

/** A model that has to search for its tools first seldom tells how far it is: only where there are very many. */
export const environmentFor = ({ mcp, env: { ENABLE_TOOL_SEARCH = 'auto' } }: LaunchOrder): Env =>
  mcp.length > 0 ? { ...QUIET, ENABLE_TOOL_SEARCH } : QUIET

/** MCP servers, model, session and the profile's words. */
export function commonOptions({ task, profile, session, mcp, directory }: LaunchOrder): string[] {
  const model = task.model ?? profile.model ?? TIERS[profile.tier]
  return [
    ...(mcp.length > 0 ? ['--mcp-config', join(directory, MCP_FILE), '--strict-mcp-config'] : []),
    ...(model ? ['--model', model] : []),
    ...(session ? ['--resume', session] : []),
    ...(profile.prompt ? ['--append-system-prompt', profile.prompt] : []),
  ]
}

export const mcpFiles = ({ mcp }: LaunchOrder): Record<string, string> =>
  mcp.length > 0 ? { [MCP_FILE]: mcpConfig(mcp) } : {}
