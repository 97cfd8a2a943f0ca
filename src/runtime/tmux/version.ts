import { OrchError } from '../../errors.ts'
import type { Env, Exec } from '../../exec.ts'

const INSTALL =
  'Install tmux 3.2 or later (apt install tmux, dnf install tmux, brew install tmux), or use --runtime process.'

/** @throws OrchError E_PROGRAM_MISSING or E_PROGRAM_OLD, saying how to install it. */
export async function checkTmuxVersion(exec: Exec, env: Env): Promise<void> {
  const result = await exec(['tmux', '-V'], { env, timeoutMs: 10_000 }).catch((cause) => {
    if (!(cause instanceof OrchError) || cause.code !== 'E_PROGRAM_MISSING') throw cause
    throw new OrchError('E_PROGRAM_MISSING', 'tmux is not installed', {
      cause,
      fix: INSTALL,
      details: { program: 'tmux' },
    })
  })
  const version = result.stdout.trim()
  if (isTooOld(version))
    throw new OrchError('E_PROGRAM_OLD', `${version} is too old`, {
      fix: INSTALL,
      details: { program: 'tmux', version },
    })
}

/** `tmux 3.3a`, `tmux next-3.6`, `tmux openbsd-7.5`; a name without a number is a development version. */
function isTooOld(version: string): boolean {
  const [, major, minor] = /^tmux (?:next-)?(\d+)\.(\d+)/.exec(version) ?? []
  return major !== undefined && Number(major) * 100 + Number(minor) < 302
}
