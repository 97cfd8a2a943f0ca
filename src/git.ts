import { OrchError } from './errors.ts'
import type { Env, Exec, ExecResult } from './exec.ts'

/** git as a function of its arguments. One `Git` a directory; it never asks for a password and never opens an editor. */
export interface Git {
  readonly dir: string
  /** Trimmed standard output. @throws OrchError E_GIT when git exits with another code than 0. */
  (args: readonly string[], options?: GitOptions): Promise<string>
  /** The whole result, whatever the exit code. */
  try(args: readonly string[], options?: GitOptions): Promise<ExecResult>
  /** The same git in another directory. */
  in(dir: string): Git
}

export interface GitOptions {
  input?: string
  timeoutMs?: number
  env?: Env
}

/** What a planted configuration cannot switch on in the commands that we run ourselves. */
const QUIET = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'gc.auto=0',
  '-c',
  'maintenance.auto=false',
]

const NEVER_ASK: Env = { GIT_TERMINAL_PROMPT: '0', GIT_EDITOR: 'true', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' }

/** `env` is the environment git runs in (PATH, HOME, proxies); variables that redirect git are dropped. */
export function createGit(exec: Exec, env: Env, dir: string): Git {
  const base = { ...withoutGitRedirects(env), ...NEVER_ASK }
  const attempt = (args: readonly string[], options: GitOptions = {}) =>
    exec(['git', ...QUIET, ...args], {
      cwd: dir,
      env: { ...base, ...options.env },
      input: options.input,
      timeoutMs: options.timeoutMs ?? 120_000,
    })
  const run = async (args: readonly string[], options?: GitOptions) => {
    const result = await attempt(args, options)
    if (result.code === 0) return result.stdout.trim()
    throw gitError(dir, args, result)
  }
  return Object.assign(run, { dir, try: attempt, in: (other: string) => createGit(exec, env, other) })
}

/** An E_GIT that names the command, so that a person can run it by hand. */
export function gitError(dir: string, args: readonly string[], result: ExecResult): OrchError {
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-5).join('\n')
  const why = result.timedOut ? 'took too long' : `exit ${result.code ?? result.killedBy}`
  const full = /No space left on device/.test(result.stderr)
  return new OrchError(
    full ? 'E_DISK_FULL' : 'E_GIT',
    `git ${args.slice(0, 6).join(' ')} (${why}) in ${dir}: ${said}`,
  )
}

function withoutGitRedirects(env: Env): Env {
  const redirects =
    /^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|NAMESPACE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|CONFIG.*|PREFIX)$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !redirects.test(name)))
}
