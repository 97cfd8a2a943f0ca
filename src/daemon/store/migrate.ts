import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { prepareStateDirectory } from '../../api/state-directory.ts'
import { type Clock, systemClock } from '../../clock.ts'
import type { Environment } from '../../config/load.ts'
import type { Paths } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import { OrchError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import { type ClusterToMove, openClusterToMove } from '../../store/redis/upkeep/transfer.ts'
import { writeImage } from '../../store/sqlite/image.ts'
import { holdStoreFile } from '../../store/sqlite/lock.ts'
import { restoreSqliteStore } from '../../store/sqlite/restore.ts'
import {
  copyOf,
  type FileToMove,
  holdsNothing,
  openFileToMove,
  removeStore,
} from '../../store/sqlite/transfer.ts'
import {
  createTally,
  differences,
  RECORD_KINDS,
  type StoreRecord,
  type Summary,
} from '../../store/transfer.ts'
import { hostNameOf } from '../hosts/host.ts'
import { type HostNames, isElsewhere, namedHere, pathsHere } from './migrated-names.ts'
import { redisPlace } from './redis-place.ts'

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

/**
 * Moves everything between the embedded store and Redis while nobody works with either. The target is compared with the source
 * at the end and not opened by anybody before; the source stays as it is and is put aside, so that its tasks are not run twice.
 * Interrupted at any moment, it can be done again.
 * @throws OrchError E_STORE_LOCKED (a daemon runs here), E_STATE (a host is at work; the target holds something), E_CONFIG (no
 *   setting redis), E_NOT_FOUND, E_STORE, E_STORE_DOWN, E_DISK_FULL
 */
export async function migrateStore(options: MigrateOptions): Promise<Migrated> {
  const { config, environment, paths, to } = options
  const { redis } = config
  if (!redis)
    throw new OrchError('E_CONFIG', 'there is no setting redis: it says which Redis is meant', {
      fix: 'Add `redis: redis://127.0.0.1:6379` to the file that `orch config path` names.',
    })
  await prepareStateDirectory(paths)
  await mkdir(dirname(paths.store), { recursive: true, mode: 0o700 })
  ;(await holdStoreFile(paths.store))() // no daemon may be there
  const cluster = await openClusterToMove(redisPlace(environment, { ...config, redis }, silentLog))
  try {
    await refuseHosts(cluster, options)
    return to === 'redis' ? await toRedis(cluster, options) : await toEmbedded(cluster, options)
  } finally {
    await cluster.close()
  }
}

const namesOf = ({ config: { hostName } }: MigrateOptions): HostNames => ({
  embedded: hostNameOf(hostName, false),
  shared: hostNameOf(hostName, true),
})

async function refuseHosts(
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

async function toRedis(cluster: ClusterToMove, options: MigrateOptions): Promise<Migrated> {
  const { paths, from, restore } = options
  if (!restore) await expectRoom(cluster, options.replace ?? false)
  const copy = `${paths.store}.migrating`
  const free = from === undefined ? undefined : await holdStoreFile(paths.store)
  let source: FileToMove | undefined
  try {
    if (from !== undefined) copyOf(from, copy)
    source = await openFileToMove(from === undefined ? paths.store : copy)
    if (from !== undefined) refuseDamaged(source, from)
    const kept = restore ? await keepCopy(cluster, nameOfOld(options, 'redis')) : undefined
    const given = await fill(cluster, source, options)
    if (from !== undefined) return { records: counts(given), elsewhere: 0, ...(kept && { kept }) }
    const moved = nameOfOld(options, 'moved')
    source.moveAway(moved)
    source = undefined
    return { records: counts(given), kept: moved, elsewhere: 0 }
  } finally {
    source?.close()
    removeStore(copy)
    free?.()
  }
}

async function fill(cluster: ClusterToMove, source: FileToMove, options: MigrateOptions): Promise<Summary> {
  const names = namesOf(options)
  await cluster.begin()
  const named = (record: StoreRecord) => namedHere(record, names)
  const given = await pour(source.dump(), named, cluster.put, options.progress)
  await cluster.finish()
  expectSame(given, await tally(cluster.dump()))
  await cluster.complete()
  return given
}

const nameOfOld = ({ paths, clock = systemClock }: MigrateOptions, word: string): string =>
  `${paths.store}.${word}-${new Date(clock.now()).toISOString().replace(/[:.]/g, '-')}`

function refuseDamaged(source: FileToMove, file: string): void {
  const findings = source.check()
  if (findings.length === 0) return
  throw new OrchError('E_STORE', `${file} is damaged: ${findings[0]}`, {
    fix: 'Take another backup.',
    details: { findings },
  })
}

/** What is in Redis, as a file; undefined when there is nothing. */
async function keepCopy(cluster: ClusterToMove, file: string): Promise<string | undefined> {
  if ((await cluster.state()) !== 'used') return undefined
  await writeImage(file, async (put) => {
    for await (const records of cluster.dump()) put(records)
  })
  return file
}

async function expectRoom(cluster: ClusterToMove, replace: boolean): Promise<void> {
  const state = await cluster.state()
  if (state === 'empty' || state === 'incomplete' || (state === 'moved' && replace)) return
  if (state === 'moved')
    throw new OrchError('E_STATE', 'this cluster was moved away from Redis before; the copy is still there', {
      fix: '`--replace` puts the store in its place.',
    })
  throw new OrchError('E_STATE', 'there is a store in Redis under this name of a cluster already', {
    fix: 'Set another `cluster`: nothing is ever written over a store.',
  })
}

async function toEmbedded(cluster: ClusterToMove, options: MigrateOptions): Promise<Migrated> {
  const { paths, progress, clock = systemClock } = options
  const state = await cluster.state()
  if (state !== 'used')
    throw new OrchError('E_STATE', `there is no store to be moved in Redis: it is ${state}`)
  if (!(await holdsNothing(paths.store)))
    throw new OrchError(
      'E_STATE',
      `${paths.store} holds runs already; nothing is ever written over a store`,
      {
        fix: 'Move that file away, or set another ORCH_STATE_DIR.',
      },
    )
  const image = `${paths.store}.migrating`
  const names = namesOf(options)
  removeStore(image)
  try {
    const before = await cluster.last()
    let elsewhere = 0
    const here = (record: StoreRecord) => {
      if (record.kind === 'task' && isElsewhere(record.task.spec.repo, names)) elsewhere += 1
      return pathsHere(record, names)
    }
    let given: Summary | undefined
    await writeImage(image, async (put) => {
      given = await pour(cluster.dump(), here, put, progress)
    })
    const written = await openFileToMove(image)
    const found = await tally(written.dump()).finally(() => written.close())
    if (given) expectSame(given, found)
    await refuseHosts(cluster, options)
    if ((await cluster.last()) !== before)
      throw new OrchError('E_STATE', 'somebody has worked with the store in Redis meanwhile')
    const { kept } = await restoreSqliteStore({ backup: image, file: paths.store })
    await cluster.markMoved(clock.now())
    return { records: counts(found), elsewhere, ...(kept && { kept }) }
  } finally {
    removeStore(image)
  }
}

async function pour(
  source: AsyncIterable<StoreRecord[]>,
  change: (record: StoreRecord) => StoreRecord,
  put: (records: readonly StoreRecord[]) => Promise<void> | void,
  progress: (records: number) => void,
): Promise<Summary> {
  const given = createTally()
  let done = 0
  for await (const records of source) {
    const changed = records.map(change)
    given.add(changed)
    await put(changed)
    done += records.length
    progress(done)
  }
  return given.summary()
}

async function tally(source: AsyncIterable<StoreRecord[]>): Promise<Summary> {
  const found = createTally()
  for await (const records of source) found.add(records)
  return found.summary()
}

function expectSame(given: Summary, found: Summary): void {
  const wrong = differences(given, found)
  if (wrong.length === 0) return
  const told = wrong.map((kind) => `${kind} (${given[kind].count} given, ${found[kind].count} found)`)
  throw new OrchError('E_STORE', `what arrived is not what was sent: ${told.join(', ')}`, {
    fix: 'The source is untouched and in use as before. Please report this.',
  })
}

const counts = (summary: Summary): Record<string, number> =>
  Object.fromEntries(RECORD_KINDS.map((kind) => [kind, summary[kind].count]))
