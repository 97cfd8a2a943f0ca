import { fileURLToPath } from 'node:url'
import type { Argv } from '../exec.ts'

/** The daemon's program beside us: compiled, or the source itself in a checkout. */
export function daemonProgram(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../daemon/main.${extension}`, import.meta.url))
}

/** How the daemon is run. A small young generation keeps 10 to 20 MB out of memory and costs no time that was measured. */
export function daemonArgv(program = daemonProgram()): Argv {
  return [process.execPath, '--max-semi-space-size=1', program]
}
