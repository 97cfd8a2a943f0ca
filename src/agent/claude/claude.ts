import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import type { Driver, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { createHookReader } from '../hooks/reader.ts'
import { interruptRequest, permissionAnswer } from './control.ts'
import { CLAUDE_HOOKS } from './hook-facts.ts'
import { launchInteractive } from './interactive.ts'
import { commonOptions, environmentFor, mcpFiles } from './options.ts'
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
  const program = async () => {
    const found = await detect()
    if (!found) throw new OrchError('E_NO_AGENT', 'claude is not installed')
    return found.program
  }
  return {
    name: 'claude',
    conversation: 'live',
    resumes: true,
    footprintMegabytes: 256,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      return {
        argv: argvOf(await program(), order),
        env: environmentFor(order),
        stdin: 'fifo',
        stderr: 'apart',
        firstInput: userMessage(asText(order.prompt), promptId(uuid())),
        files: mcpFiles(order),
      }
    },
    reader: () => createClaudeReader(),
    say: (text, { id }) => userMessage(text, id),
    interrupt: () => interruptRequest(uuid()),
    permit: permissionAnswer,
    interactive: {
      launch: async (order) => await launchInteractive(await program(), order),
      reader: () => createHookReader('claude', CLAUDE_HOOKS),
      mostOffered: 100_000,
    },
  }
}

function argvOf(program: string, order: LaunchOrder): Argv {
  return [
    program,
    '-p',
    ...['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'],
    ...permissionOptions(order.profile, order.mcp),
    ...commonOptions(order),
  ]
}
