import type { Env, Exec } from '../../exec.ts'
import { createProcProcessTable } from './proc.ts'
import { createProcScan } from './proc-scan.ts'
import type { ProcessTable } from './processes.ts'
import { createPsProcessTable } from './ps.ts'
import { createPsScan } from './ps-scan.ts'
import type { ProcessScan } from './scan.ts'

interface SystemDeps {
  platform: NodeJS.Platform
  exec: Exec
  env: Env
}

/** The table of this system: /proc on Linux, `ps` elsewhere. `env` is what `ps` is given (PATH). */
export function createProcessTable(deps: SystemDeps): ProcessTable {
  return deps.platform === 'linux' ? createProcProcessTable() : createPsProcessTable(deps)
}

/** How this system's processes are measured: by /proc on Linux, by `ps` elsewhere. */
export function createProcessScan(deps: SystemDeps): ProcessScan {
  return deps.platform === 'linux' ? createProcScan() : createPsScan(deps)
}
