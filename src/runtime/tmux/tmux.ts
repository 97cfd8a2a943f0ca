import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv } from '../../exec.ts'
import { SAFE_NAME } from '../../id.ts'
import type { Runtime } from '../runtime.ts'
import { isTaken } from '../status.ts'
import { CommandFailed } from './connection.ts'
import { createTmuxServer, KEEPER, type TmuxDeps } from './server.ts'

/** How long a shim that has written its last word may take to leave its session to the next one, in ms. */
const LEAVING_MS = 5_000

export interface TmuxRuntimeDeps extends TmuxDeps {
  /** The POSIX shell that runs the shim, words of letters, digits, `/`, `.`, `_` and `-`. Default `/bin/sh`. */
  shell?: Argv
}

/**
 * Runs each shim in a session of a private tmux server, where a person can look at it. tmux runs `#(…)` that it finds
 * in names and directories: it is only ever given names that match SAFE_NAME and paths relative to its own directory.
 */
export function createTmuxRuntime(deps: TmuxRuntimeDeps): Runtime {
  const server = createTmuxServer(deps)
  const shell = deps.shell ?? ['/bin/sh']
  return {
    name: 'tmux',
    ready: async () => void (await server.run('list-sessions', '-F', '')),
    start: async (agent) => {
      const size = ['-x', '200', '-y', '50']
      const session = ['new-session', '-d', '-s', safe(agent), ...size, ...shell, 'shim.sh', agent]
      const deadline = deps.clock.now() + LEAVING_MS
      while (!(await unless(/^duplicate session/, () => server.run(...session)))) {
        if (await isTaken(join(deps.root, agent))) return
        if (deps.clock.now() > deadline)
          throw new OrchError('E_RUNTIME', `the last session of ${agent} does not end`)
        await deps.clock.sleep(10)
      }
    },
    list: async () => {
      const names = await server.run('list-sessions', '-F', '#{session_name}')
      return new Set(names.filter((name) => name !== KEEPER))
    },
    close: async (agent) => {
      await unless(/^can't find session/, () => server.run('kill-session', '-t', `=${safe(agent)}:`))
    },
    attach: (agent) => ['tmux', '-S', deps.socket, 'attach-session', '-t', `=${safe(agent)}`],
    watchers: async (agent) => {
      const clients = ['list-clients', '-t', `=${safe(agent)}:`, '-F', '#{client_name}']
      return (await unless(/^can't find session/, () => server.run(...clients)))?.length ?? 0
    },
    onWatchers: server.onClients,
    onLost: server.onLost,
    stop: ({ end }) => server.stop(end ? (names) => names.every((name) => name === KEEPER) : undefined),
  }
}

function safe(agent: string): string {
  if (SAFE_NAME.test(agent)) return agent
  throw new OrchError('E_INVALID', `${JSON.stringify(agent)} cannot name an agent`)
}

/** Runs a command that may find its work done already, which tmux says with this error; then it gives undefined. */
async function unless<T>(done: RegExp, command: () => Promise<T>): Promise<T | undefined> {
  try {
    return await command()
  } catch (error) {
    if (!(error instanceof CommandFailed) || !done.test(error.answer)) throw error
    return undefined
  }
}
