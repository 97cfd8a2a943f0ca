import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from '../exec.ts'
import type { Git } from '../git.ts'
import { gitConfigEnv } from '../git-config-env.ts'
import { ignoreFile, readSetUp } from './record.ts'

/**
 * Variables that make an agent's git ignore what set-up steps put into its checkout. A worktree has no exclude file of
 * its own (`info/exclude` is the person's too) and `config.worktree` would need an extension switched on in the person's
 * repository; so `core.excludesFile` is given by environment, as a file that also holds the person's own patterns.
 * Empty when there is nothing to ignore.
 * @param git on the repository
 * @param path of the checkout
 */
export async function agentIgnores(git: Git, path: string, env: Env = {}): Promise<Env> {
  const paths = await readSetUp(path)
  if (paths.length === 0) return {}
  const file = ignoreFile(path)
  const own = await readFile(await personsIgnores(git, env), 'utf8').catch(() => '')
  await writeFile(file, `${own}\n${paths.map(toPattern).join('\n')}\n`, { mode: 0o600 })
  return gitConfigEnv([['core.excludesFile', file]])
}

/** git expands the `~`, and knows the home directory. */
async function personsIgnores(git: Git, env: Env): Promise<string> {
  const usual = env.XDG_CONFIG_HOME ? join(env.XDG_CONFIG_HOME, 'git', 'ignore') : '~/.config/git/ignore'
  const result = await git.try(['config', '--type=path', '--default', usual, '--get', 'core.excludesFile'])
  return result.stdout.replace(/\n$/, '')
}

/** Anchored at the top, with git's pattern characters taken literally. */
function toPattern(path: string): string {
  return `/${path.replace(/\/+$/, '').replace(/[\\*?[\]!# ]/g, '\\$&')}`
}
