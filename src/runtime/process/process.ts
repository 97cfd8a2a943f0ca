import { once } from 'node:events'
import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv, Env, spawnDetached } from '../../exec.ts'
import { SAFE_NAME } from '../../id.ts'
import type { AttemptDirectories } from '../attempt-dir.ts'
import type { Runtime } from '../runtime.ts'
import { readHead } from '../status.ts'

export interface ProcessRuntimeDeps {
  /** Where the attempt directories are. */
  root: string
  directories: AttemptDirectories
  spawnDetached: typeof spawnDetached
  /** What the shim itself is given; the agent's environment is in its specification. */
  env: Env
  /** The POSIX shell that runs the shim. Default `/bin/sh`. */
  shell?: Argv
}

/** Runs the shim as a detached process: no terminal, nothing to attach to, and nothing that could be lost. */
export function createProcessRuntime(deps: ProcessRuntimeDeps): Runtime {
  const [shell, ...flags] = deps.shell ?? ['/bin/sh']
  return {
    name: 'process',
    ready: async () => {},
    start: async (agent) => {
      if (!SAFE_NAME.test(agent))
        throw new OrchError('E_INVALID', `${JSON.stringify(agent)} cannot name an agent`)
      if ((await readHead(join(deps.root, agent)))?.stdin === 'terminal')
        throw new OrchError('E_INVALID', `${agent} wants a terminal, and the runtime "process" has none`, {
          fix: 'Use the runtime tmux for an interactive agent.',
        })
      const child = deps.spawnDetached([shell, ...flags, 'shim.sh', agent], { cwd: deps.root, env: deps.env })
      await once(child, 'spawn').catch((cause) => {
        throw new OrchError('E_RUNTIME', `cannot start ${shell} for ${agent}: ${cause.message}`, { cause })
      })
    },
    list: async () => {
      const agents = await deps.directories.list()
      const running = await Promise.all(
        agents.map(async (agent) => (await deps.directories.status(agent)).state === 'running'),
      )
      return new Set(agents.filter((_, index) => running[index]))
    },
    close: async () => {},
    attach: () => undefined,
    watchers: async () => 0,
    onWatchers: () => () => {},
    onLost: () => () => {},
    stop: async () => {},
  }
}
