import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import type { Driver, Launch, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { createHookReader } from '../hooks/reader.ts'
import { GEMINI_HOOKS } from './hook-facts.ts'
import { launchInteractive } from './interactive.ts'
import { commonOptions, environmentFor } from './options.ts'
import { createGeminiReader } from './reader.ts'
import { type GeminiHome, makeHome } from './settings.ts'

/**
 * The driver `gemini`: Gemini CLI, one turn a process, stream-json out (checked against 0.61.0). The prompt is on its
 * standard input; a word of a person is the prompt of the next process, which resumes the session.
 */
export function createGeminiDriver({ exec, env }: { exec: Exec; env: Env }): Driver {
  const detect = () => detectProgram(exec, env, 'gemini')
  const program = async () => {
    const found = await detect()
    if (!found) throw new OrchError('E_NO_AGENT', 'gemini is not installed')
    return found.program
  }
  return {
    name: 'gemini',
    conversation: 'processes',
    resumes: true,
    footprintMegabytes: 420,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      const home = await makeHome(order)
      return {
        ...(await callOf(await program(), order, home)),
        env: await environmentFor(exec, order, home),
        stderr: 'apart',
      }
    },
    reader: createGeminiReader,
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'gemini hears nothing in mid-turn; words are its next turn')
    },
    interactive: {
      launch: async (order) => await launchInteractive(await program(), exec, order),
      reader: () => createHookReader('gemini', GEMINI_HOOKS),
      mostOffered: 100_000,
    },
  }
}

async function callOf(
  program: string,
  order: LaunchOrder,
  home: GeminiHome,
): Promise<Pick<Launch, 'argv' | 'stdin' | 'files'>> {
  const { words, stdin } = promptOf(order)
  const { options, files } = await commonOptions(order, home)
  const argv: Argv = [
    program,
    ...['--output-format', 'stream-json'],
    ...options,
    ...(words.length ? [`--prompt= ${words.join('\n\n')}`] : []),
  ]
  return { argv, stdin, files }
}

/**
 * The prompt is what stands on standard input, then `--prompt`. There is no way to add to its system prompt (it can
 * only be replaced), so the profile's words follow the task's, once a session. A text that begins with `/` would be
 * taken for a command of the program (`/init` writes a file): behind a space, which only an argument can have, it is not.
 */
function promptOf({ prompt, profile, session }: LaunchOrder): { words: string[]; stdin: 'prompt' | 'none' } {
  const profileWords = profile.prompt && !session ? [profile.prompt] : []
  return prompt.startsWith('/')
    ? { words: [prompt, ...profileWords], stdin: 'none' }
    : { words: profileWords, stdin: 'prompt' }
}
