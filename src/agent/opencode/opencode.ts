import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import { oneLine } from '../../text.ts'
import type { Driver, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { configOf, QUIET } from './config.ts'
import { createOpencodeReader } from './reader.ts'

/**
 * The driver `opencode`: one turn a process (checked against 1.18.33). The prompt is on its standard input; a word of a
 * person is the prompt of the next process, which goes on with the session.
 */
export function createOpencodeDriver({ exec, env }: { exec: Exec; env: Env }): Driver {
  const detect = () => detectProgram(exec, env, 'opencode')
  return {
    name: 'opencode',
    conversation: 'processes',
    resumes: true,
    footprintMegabytes: 610,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      const found = await detect()
      if (!found) throw new OrchError('E_NO_AGENT', 'opencode is not installed')
      const { profile, mcp, directory } = order
      const sessions = join(order.home, 'opencode')
      await mkdir(sessions, { recursive: true, mode: 0o700 })
      const instructions = profile.prompt ? join(directory, INSTRUCTIONS) : undefined
      const config = configOf({ profile, mcp, env: order.env, ...(instructions && { instructions }) })
      return {
        argv: argvOf(found.program, order),
        // Sessions are kept apart from the person's own, and agents do not wait for each other's writes.
        env: { ...QUIET, OPENCODE_DB: join(sessions, 'sessions.db'), OPENCODE_CONFIG_CONTENT: config },
        stdin: 'prompt',
        // Only its log tells that it waits for the service.
        stderr: 'merge',
        ...(instructions && { files: { [INSTRUCTIONS]: profile.prompt } }),
      }
    },
    reader: createOpencodeReader,
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'opencode hears nothing in mid-turn; words are its next turn')
    },
  }
}

const INSTRUCTIONS = 'opencode-instructions.md'

function argvOf(program: string, { task, profile, session }: LaunchOrder): Argv {
  const model = task.model ?? profile.model
  return [
    program,
    ...['run', '--format', 'json', '--print-logs', '--log-level', 'ERROR'],
    ...(model ? ['--model', model] : []),
    // A title saves it from asking a model for one.
    ...(session ? ['--session', session] : [`--title=${oneLine(task.title, 80)}`]),
  ]
}
