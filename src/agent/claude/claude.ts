import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import type { Driver, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { interruptRequest, permissionAnswer } from './control.ts'
import { mcpConfig } from './mcp-config.ts'
import { permissionOptions } from './permissions.ts'
import { createClaudeReader } from './reader.ts'
import { asText, promptId, userMessage } from './user-message.ts'

/**
 * The driver `claude`: Claude Code, stream-json both ways (checked against 2.1.329). The prompt and every later
 * word arrive on its FIFO; each line it prints is one JSON message; a `result` message ends a turn.
 */
export function createClaudeDriver({
  exec,
  env,
  uuid,
}: {
  exec: Exec
  env: Env
  /** Names messages, so that the program tells what became of each. */
  uuid: () => string
}): Driver {
  const detect = () => detectProgram(exec, env, 'claude')
  return {
    name: 'claude',
    conversation: 'live',
    resumes: true,
    footprintMegabytes: 256,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      const found = await detect()
      if (!found) throw new OrchError('E_NO_AGENT', 'claude is not installed')
      return {
        argv: argvOf(found.program, order),
        env: order.mcp.length > 0 ? { ...QUIET, ...toolSearch(order.env) } : QUIET,
        stdin: 'fifo',
        stderr: 'apart',
        firstInput: userMessage(asText(order.prompt), promptId(uuid())),
        ...(order.mcp.length > 0 && { files: { [MCP_FILE]: mcpConfig(order.mcp) } }),
      }
    },
    reader: () => createClaudeReader(),
    say: (text, { id }) => userMessage(text, id),
    interrupt: () => interruptRequest(uuid()),
    permit: permissionAnswer,
  }
}

/** It must not update itself or call home while it works for us. */
const QUIET: Env = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
/** A model that has to search for its tools first seldom tells how far it is: only where there are very many. */
const toolSearch = ({ ENABLE_TOOL_SEARCH = 'auto' }: Env): Env => ({ ENABLE_TOOL_SEARCH })
const MCP_FILE = 'claude-mcp.json'
/** Names that the program keeps pointing at its newest; `standard` is whatever its user has chosen. */
const TIERS = { strong: 'opus', standard: undefined, fast: 'haiku' } as const

function argvOf(program: string, order: LaunchOrder): Argv {
  const { task, profile, session, mcp, directory } = order
  const model = task.model ?? profile.model ?? TIERS[profile.tier]
  return [
    program,
    '-p',
    ...['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'],
    ...permissionOptions(profile, mcp),
    ...(mcp.length > 0 ? ['--mcp-config', join(directory, MCP_FILE), '--strict-mcp-config'] : []),
    ...(model ? ['--model', model] : []),
    ...(session ? ['--resume', session] : []),
    ...(profile.prompt ? ['--append-system-prompt', profile.prompt] : []),
  ]
}
