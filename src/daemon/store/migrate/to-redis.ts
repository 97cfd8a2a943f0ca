import { OrchError } from '../../../errors.ts'
import type { ClusterToMove } from '../../../store/redis/upkeep/transfer.ts'
import { writeImage } from '../../../store/sqlite/image.ts'
import { holdStoreFile } from '../../../store/sqlite/lock.ts'
import { copyOf, type FileToMove, openFileToMove, removeStore } from '../../../store/sqlite/transfer.ts'
import type { StoreRecord, Summary } from '../../../store/transfer.ts'
import { type Migrated, type MigrateOptions, nameOfOld, namesOf } from './migration.ts'
import { namedHere } from './names.ts'
import { counts, expectSame, isSame, pour, tally } from './records.ts'

export async function toRedis(cluster: ClusterToMove, options: MigrateOptions): Promise<Migrated> {
  return options.from === undefined
    ? await moveStore(cluster, options)
    : await putCopy(cluster, options, options.from)
}

/** The embedded store, which is put aside. */
async function moveStore(cluster: ClusterToMove, options: MigrateOptions): Promise<Migrated> {
  const occupied = await whyNot(cluster, options)
  let source: FileToMove | undefined = await openFileToMove(options.paths.store).catch((error) => {
    throw occupied ?? error
  })
  try {
    const given = occupied
      ? await alreadyThere(cluster, source, options)
      : await fill(cluster, source, options)
    if (!given) throw occupied
    const kept = nameOfOld(options, 'moved')
    source.moveAway(kept)
    source = undefined
    return { records: counts(given), kept, elsewhere: 0 }
  } finally {
    source?.close()
  }
}

/** A backup, which stays as it is. */
async function putCopy(cluster: ClusterToMove, options: MigrateOptions, from: string): Promise<Migrated> {
  const { paths, restore } = options
  const occupied = restore ? undefined : await whyNot(cluster, options)
  if (occupied) throw occupied
  const copy = `${paths.store}.migrating`
  const free = await holdStoreFile(paths.store)
  let source: FileToMove | undefined
  try {
    copyOf(from, copy)
    source = await openFileToMove(copy)
    refuseDamaged(source, from)
    const kept = restore ? await keepCopy(cluster, nameOfOld(options, 'redis')) : undefined
    return { records: counts(await fill(cluster, source, options)), elsewhere: 0, ...(kept && { kept }) }
  } finally {
    source?.close()
    removeStore(copy)
    free()
  }
}

const named = (options: MigrateOptions) => {
  const names = namesOf(options)
  return (record: StoreRecord) => namedHere(record, names)
}

async function fill(cluster: ClusterToMove, source: FileToMove, options: MigrateOptions): Promise<Summary> {
  await cluster.begin()
  const given = await pour(source.dump(), named(options), cluster.put, options.progress)
  await cluster.finish()
  expectSame(given, await tally(cluster.dump()))
  await cluster.complete()
  return given
}

/** All of it is in Redis, and nothing else: we were killed when only the source had to be put aside. */
async function alreadyThere(
  cluster: ClusterToMove,
  source: FileToMove,
  options: MigrateOptions,
): Promise<Summary | undefined> {
  if ((await cluster.state()) !== 'used') return undefined
  const given = await tally(source.dump(), named(options))
  return isSame(given, await tally(cluster.dump())) ? given : undefined
}

/** What is in Redis, as a file; undefined when there is nothing. */
async function keepCopy(cluster: ClusterToMove, file: string): Promise<string | undefined> {
  if ((await cluster.state()) !== 'used') return undefined
  await writeImage(file, async (put) => {
    for await (const records of cluster.dump()) put(records)
  })
  return file
}

/** @throws OrchError E_STORE */
function refuseDamaged(source: FileToMove, file: string): void {
  const findings = source.check()
  if (findings.length === 0) return
  throw new OrchError('E_STORE', `${file} is damaged: ${findings[0]}`, {
    fix: 'Take another backup.',
    details: { findings },
  })
}

/** Why a store cannot be put there. */
async function whyNot(cluster: ClusterToMove, { replace }: MigrateOptions): Promise<OrchError | undefined> {
  const state = await cluster.state()
  if (state === 'empty' || state === 'incomplete' || (state === 'moved' && replace)) return undefined
  if (state === 'moved')
    return new OrchError(
      'E_STATE',
      'this cluster was moved away from Redis before; the copy is still there',
      {
        fix: '`--replace` puts the store in its place.',
      },
    )
  return new OrchError('E_STATE', 'there is a store in Redis under this name of a cluster already', {
    fix: 'Set another `cluster`: nothing is ever written over a store.',
  })
}
