import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { oneLine, plainText } from '../text.ts'
import type { Driver, Outcome, OutputReader } from './agent.ts'
import { statusWords } from './exit-status.ts'
import { namedProgram } from './named-program.ts'

/**
 * The driver `command`: any program is an agent. It finds the prompt on standard input and in $ORCH_PROMPT_FILE;
 * what it prints is its transcript; exit status 0 is its word that it is done. What it leaves uncommitted is
 * committed by Orch, so that a formatter or a codemod is a useful agent.
 */
export function createCommandDriver({ env }: { env: Env }): Driver {
  return {
    name: 'command',
    conversation: 'none',
    takesProgram: true,
    resumes: false,
    footprintMegabytes: 0,
    commitsLeftovers: true,
    detect: async () => ({ program: 'any program', version: '1' }),
    launch: async (order) => ({
      argv: await namedProgram('command', env, order),
      env: {},
      stdin: 'prompt',
      stderr: 'merge',
    }),
    reader: () => createTranscriptReader(),
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'a command cannot be spoken to')
    },
  }
}

const LAST_WORDS = 20

function createTranscriptReader(): OutputReader {
  const last: string[] = []
  return {
    line(line) {
      const text = plainText(line)
      if (text.trim()) last.push(text)
      if (last.length > LAST_WORDS) last.shift()
      return { events: [], text }
    },
    outcome: (exit) => exit && judge(exit.status, last),
    nextProcess: () => void last.splice(0),
  }
}

function judge(status: number, last: string[]): Outcome {
  if (status === 0)
    return { kind: 'reported', summary: oneLine(last.at(-1) ?? 'The command ended with status 0.', 500) }
  const said = last.slice(-5).join('\n')
  return {
    kind: 'failed',
    reason: {
      code: 'agent-failed',
      message: `the command ended with ${statusWords(status)}${said ? `:\n${said}` : ''}`,
    },
  }
}
