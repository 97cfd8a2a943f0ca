import { type Clock, systemClock } from '../../../clock.ts'
import type { Environment } from '../../../config/load.ts'
import type { Paths } from '../../../config/paths.ts'
import type { Config } from '../../../config/schema.ts'
import { OrchError } from '../../../errors.ts'
import type { ClusterToMove } from '../../../store/redis/upkeep/transfer.ts'
import { hostNameOf } from '../../hosts/host.ts'
import type { HostNames } from './names.ts'

export interface MigrateOptions {
  to: 'redis' | 'embedded'
  config: Config
  environment: Pick<Environment, 'env'>
  paths: Paths
  /** To Redis: a store file (a backup) in the place of the embedded store. */
  from?: string
  /** To Redis: over what was moved away from there before. */
  replace?: boolean
  /** To Redis: over whatever is there, which is kept as a file. */
  restore?: boolean
  /** Called now and then with how many records are done. */
  progress: (records: number) => void
  clock?: Pick<Clock, 'now'>
}

export interface Migrated {
  records: Record<string, number>
  /** The name that the embedded store has now (to Redis), or the one that was in its place had got (to embedded). */
  kept?: string
  /** Tasks whose repository is on another host. */
  elsewhere: number
}

export const namesOf = ({ config: { hostName } }: MigrateOptions): HostNames => ({
  embedded: hostNameOf(hostName, false),
  shared: hostNameOf(hostName, true),
})

/** What the embedded store is called when it is put aside. */
export const nameOfOld = ({ paths, clock = systemClock }: MigrateOptions, word: string): string =>
  `${paths.store}.${word}-${new Date(clock.now()).toISOString().replace(/[:.]/g, '-')}`

/** @throws OrchError E_STATE */
export async function refuseHosts(
  cluster: ClusterToMove,
  { config, clock = systemClock }: MigrateOptions,
): Promise<void> {
  const fresh = clock.now() - config.staleSeconds * 1_000
  const there = (await cluster.hosts()).filter(({ seenAt }) => seenAt > fresh).map(({ name }) => name)
  if (there.length === 0) return
  throw new OrchError('E_STATE', `hosts work with the store in Redis: ${there.join(', ')}`, {
    fix: '`orch stop` on each of them; one that died is forgotten after staleSeconds.',
  })
}
