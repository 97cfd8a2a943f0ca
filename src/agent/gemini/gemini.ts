import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import { gitConfigEnv, joinEnvironments } from '../../git-config-env.ts'
import type { Driver, Launch, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { policyOf } from './policy.ts'
import { createGeminiReader } from './reader.ts'
import { type GeminiHome, makeHome } from './settings.ts'

/**
 * The driver `gemini`: Gemini CLI, one turn a process, stream-json out (checked against 0.61.0). The prompt is on its
 * standard input; a word of a person is the prompt of the next process, which resumes the session.
 */
export function createGeminiDriver({ exec, env }: { exec: Exec; env: Env }): Driver {
  const detect = () => detectProgram(exec, env, 'gemini')
  return {
    name: 'gemini',
    conversation: 'processes',
    resumes: true,
    footprintMegabytes: 420,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      const found = await detect()
      if (!found) throw new OrchError('E_NO_AGENT', 'gemini is not installed')
      const home = await makeHome(order)
      return {
        ...(await callOf(found.program, order, home)),
        env: { ...QUIET, GEMINI_CLI_HOME: home.path, ...(await identity(exec, order)) },
        stderr: 'apart',
      }
    },
    reader: createGeminiReader,
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'gemini hears nothing in mid-turn; words are its next turn')
    },
  }
}

/** One process instead of two; it starts the second only to give itself more memory. */
const QUIET: Env = { GEMINI_CLI_NO_RELAUNCH: 'true' }
const POLICY = 'gemini-policy.toml'
const TIERS = { strong: 'pro', standard: undefined, fast: 'flash' } as const

async function callOf(
  program: string,
  order: LaunchOrder,
  home: GeminiHome,
): Promise<Pick<Launch, 'argv' | 'stdin' | 'files'>> {
  const { task, profile, session, mcp } = order
  const model = task.model ?? profile.model ?? TIERS[profile.tier]
  const { mode, rules } = policyOf(profile)
  // Paths of policies replace the person's own, so theirs is named too.
  const own = rules === undefined || !(await isThere(home.policies)) ? [] : ['--policy', home.policies]
  const { words, stdin } = promptOf(order)
  const argv: Argv = [
    program,
    ...['--output-format', 'stream-json', '--skip-trust', '--approval-mode', mode],
    ...own,
    ...(rules === undefined ? [] : ['--policy', join(order.directory, POLICY)]),
    ...(mcp.length ? [`--allowed-mcp-server-names=${mcp.map(({ name }) => name).join(',')}`] : []),
    ...(model ? ['--model', model] : []),
    ...(session ? ['--resume', session] : []),
    ...(words.length ? [`--prompt= ${words.join('\n\n')}`] : []),
  ]
  return { argv, stdin, ...(rules !== undefined && { files: { [POLICY]: rules } }) }
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

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

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
