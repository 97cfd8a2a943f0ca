import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import type { Driver, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { createClaudeReader } from './reader.ts'

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
  const say = (text: string) => userMessage(text, uuid())
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
        env: QUIET,
        stdin: 'fifo',
        stderr: 'apart',
        firstInput: say(order.prompt),
      }
    },
    reader: createClaudeReader,
    say,
  }
}

const MODES = { read: 'plan', edits: 'acceptEdits', ask: 'acceptEdits', all: 'bypassPermissions' } as const

/** It must not update itself or call home while it works for us. */
const QUIET: Env = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }

function argvOf(program: string, { task, profile, session }: LaunchOrder): Argv {
  const model = task.model ?? profile.model
  return [
    program,
    '-p',
    ...['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'],
    ...['--permission-mode', MODES[profile.permissions]],
    ...(profile.tools.length ? ['--allowedTools', profile.tools.join(',')] : []),
    ...(model ? ['--model', model] : []),
    ...(session ? ['--resume', session] : []),
    ...(profile.prompt ? ['--append-system-prompt', profile.prompt] : []),
  ]
}

function userMessage(text: string, uuid: string): string {
  const message = { type: 'user', uuid, message: { role: 'user', content: [{ type: 'text', text }] } }
  return `${JSON.stringify(message)}\n`
}
