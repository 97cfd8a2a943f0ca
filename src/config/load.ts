import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import type { Loaded } from './layers.ts'

export type { Loaded } from './layers.ts'

/**
 * The only file that reads the process's environment and home directory. Every command loads it, so YAML and the
 * schemas (100 ms) come only with the configuration itself.
 */

export interface Environment {
  env: Env
  home: string
  cwd: string
  stdoutTty: boolean
  stdinTty: boolean
}

export function systemEnvironment(): Environment {
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const tty = { stdoutTty: process.stdout.isTTY === true, stdinTty: process.stdin.isTTY === true }
  return { env, home: env.HOME || homedir(), cwd: process.cwd(), ...tty }
}

/** ORCH_STATE_DIR, else `orch` in the XDG state directory. @throws OrchError E_STATE_DIR when it is not absolute. */
export function stateDirectory({ env, home }: Pick<Environment, 'env' | 'home'>): string {
  const state = env.ORCH_STATE_DIR || join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'orch')
  if (state.startsWith('/') && !state.includes('\0')) return state
  throw new OrchError(
    'E_STATE_DIR',
    `the state directory must be an absolute path, not ${JSON.stringify(state)}`,
  )
}

/** The user's own configuration file. */
export function userConfigFile({ env, home }: Pick<Environment, 'env' | 'home'>): string {
  return env.ORCH_CONFIG || join(env.XDG_CONFIG_HOME || join(home, '.config'), 'orch', 'config.yaml')
}

/** The user's own profiles: beside the configuration file. */
export const userProfiles = (environment: Pick<Environment, 'env' | 'home'>): string =>
  join(dirname(userConfigFile(environment)), 'profiles')

/** The configuration file of a repository. */
export const projectConfigFile = (repo: string): string => join(repo, '.orch', 'config.yaml')

/**
 * The configuration: defaults, then the user's file, the repository's file, ORCH_* variables; each over the one before.
 * @throws OrchError E_CONFIG that names file and place.
 */
export async function loadConfig(
  environment: Pick<Environment, 'env' | 'home'>,
  { repo }: { repo?: string } = {},
): Promise<Loaded> {
  const { loadLayers } = await import('./layers.ts')
  const project = repo ? projectConfigFile(repo) : undefined
  return await loadLayers({ user: userConfigFile(environment), project, env: environment.env })
}
