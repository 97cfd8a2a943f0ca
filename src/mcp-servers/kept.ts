import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import { secretNames } from '../config/mcp-variables.ts'
import type { Env } from '../exec.ts'
import { declarationHash, type Shown } from './fingerprint.ts'
import type { McpServer } from './mcp-servers.ts'

/** Asks a server that is not known to have answered lately. What it showed is kept in memory, and so are its secrets. */
export interface Kept {
  /** @throws OrchError E_MCP_FAILED, which is not kept */
  ask(server: McpServer, env: Env, cwd: string, options?: AskOptions): Promise<Shown>
}

export interface AskOptions {
  /** It is asked in any case. */
  anew: boolean
  /** What the call goes through, when there is one. */
  via?(call: () => Promise<Shown>): Promise<Shown>
}

const KEPT_MS = 5 * 60_000

interface Entry {
  variables: (string | undefined)[]
  at: number
  shown: Promise<Shown>
}

export function keepAnswers(
  ask: (server: McpServer, env: Env, cwd: string) => Promise<Shown>,
  clock: Clock,
): Kept {
  const entries = new Map<string, Entry>()
  const forgetOld = () => {
    for (const [key, { at }] of entries) if (clock.now() - at >= KEPT_MS) entries.delete(key)
  }
  return {
    async ask(
      server,
      env,
      cwd,
      { anew, via = (call: () => Promise<Shown>) => call() }: AskOptions = { anew: false },
    ) {
      forgetOld()
      const key = JSON.stringify([cwd, server.name, declarationHash(server)])
      // Not PATH and HOME: those of agents differ from those of their caller, and the server is the same.
      const variables = secretNames(server).map((name) => env[name])
      const known = entries.get(key)
      if (known && !anew && isDeepStrictEqual(known.variables, variables)) return await known.shown
      const entry = { variables, at: clock.now(), shown: via(() => ask(server, env, cwd)) }
      entries.set(key, entry)
      try {
        return await entry.shown
      } catch (error) {
        if (entries.get(key) === entry) entries.delete(key)
        throw error
      }
    },
  }
}
