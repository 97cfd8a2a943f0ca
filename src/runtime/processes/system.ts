import type { Env, Exec } from '../../exec.ts'
import { createProcProcessTable } from './proc.ts'
import type { ProcessTable } from './processes.ts'
import { createPsProcessTable } from './ps.ts'

/** The table of this system: /proc on Linux, `ps` elsewhere. `env` is what `ps` is given (PATH). */
export function createProcessTable(deps: { platform: NodeJS.Platform; exec: Exec; env: Env }): ProcessTable {
  return deps.platform === 'linux' ? createProcProcessTable() : createPsProcessTable(deps)
}
