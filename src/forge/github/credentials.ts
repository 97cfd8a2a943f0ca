import type { Env } from '../../exec.ts'
import { gitConfigEnv } from '../../git-config-env.ts'

/** How git and gh log in to GitHub: as the person does, never by a secret of ours. */

/**
 * A git setting that asks gh for a login after every helper that the person has configured. git runs the value of a
 * credential helper by a shell: it is a constant, only the host goes into the name.
 */
export const credentialHelper = (host: string): readonly [name: string, value: string] => [
  `credential.https://${host}.helper`,
  '!gh auth git-credential',
]

const TOKENS = ['GH_TOKEN', 'GITHUB_TOKEN', 'GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN', 'GH_CONFIG_DIR']

/** A bare `git push` brings the branch to origin under its own name, and writes no upstream into the configuration. */
const PUSHING = [
  ['remote.pushDefault', 'origin'],
  ['push.default', 'current'],
  ['push.autoSetupRemote', 'false'],
] as const

/**
 * What lets an agent push with plain git and open pull requests with gh, without a question that nobody answers. Tokens
 * are handed on when the person's environment `env` has them; else gh finds its own login.
 */
export function githubAgentEnv(host: string, env: Env): Record<string, string> {
  const tokens = TOKENS.flatMap((it) => (env[it] ? [[it, env[it]]] : []))
  return {
    ...Object.fromEntries(tokens),
    GH_HOST: host,
    GH_PROMPT_DISABLED: '1',
    GH_NO_UPDATE_NOTIFIER: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...gitConfigEnv([credentialHelper(host), ...PUSHING]),
  }
}
