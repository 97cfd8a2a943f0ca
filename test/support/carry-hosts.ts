import { onTestFinished } from 'vitest'
import { createHandlers } from '../../src/daemon/handlers/handlers.ts'
import { toOrchError } from '../../src/errors.ts'
import type { Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Exchange, Store } from '../../src/store/store.ts'
import { beginWith, type RealOptions, type RealParts, realParts } from './parts.ts'
import { temporaryDirectory } from './temporary.ts'
import { localExchange } from './two-hosts.ts'

/** Hosts in this process with state directories of their own, over one store, that carry repositories and results. */

export interface CarryHost {
  parts: RealParts
  handlers: ReturnType<typeof createHandlers>
  begin(): Promise<Orchestrator>
  /** As if its machine were gone: it drives and answers no longer, its agents are dead. */
  die(): Promise<void>
  /** Takes part again with the same state directory. */
  back(): Promise<CarryHost>
}

export interface Cluster {
  store: Store
  exchange: Exchange & { verbs: string[] }
  host(name: string, options?: RealOptions): Promise<CarryHost>
}

export async function carryCluster(): Promise<Cluster> {
  const store = await openSqliteStore({ file: `${temporaryDirectory()}/shared.db` })
  onTestFinished(() => store.close())
  const exchange = localExchange()
  return { store, exchange, host: (name, options) => hostOn({ store, exchange }, name, options) }
}

async function hostOn(
  { store, exchange }: Pick<Cluster, 'store' | 'exchange'>,
  name: string,
  options: RealOptions = {},
): Promise<CarryHost> {
  const config = { leaseSeconds: 2, reconcileSeconds: 0.2, ...options.config, hostName: name }
  const parts = await realParts({ ...options, config, store, exchange })
  const unanswer = await exchange.answer(name, async ({ verb, input }) => {
    try {
      return { value: await parts.carrying?.answer(verb, input) }
    } catch (error) {
      return { error: toOrchError(error).toBody() }
    }
  })
  let orchestrator: Orchestrator | undefined
  return {
    parts,
    handlers: createHandlers(parts, {} as Orchestrator, {
      version: '1',
      startedAt: 1,
      apiUrl: async () => undefined,
    }),
    async begin() {
      orchestrator = await beginWith(parts)
      return orchestrator
    },
    async die() {
      await unanswer()
      await orchestrator?.end()
      for (const agent of await parts.directories.list()) await parts.directories.stop(agent, 0)
    },
    back: () => hostOn({ store, exchange }, name, { ...options, state: parts.paths.state }),
  }
}
