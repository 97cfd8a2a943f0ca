import { systemClock } from '../../../clock.ts'
import { OrchError } from '../../../errors.ts'
import type { ClusterToMove } from '../../../store/redis/upkeep/transfer.ts'
import { writeImage } from '../../../store/sqlite/image.ts'
import { restoreSqliteStore } from '../../../store/sqlite/restore.ts'
import { holdsNothing, openFileToMove, removeStore } from '../../../store/sqlite/transfer.ts'
import type { StoreRecord, Summary } from '../../../store/transfer.ts'
import { type Migrated, type MigrateOptions, namesOf, refuseHosts } from './migration.ts'
import { isElsewhere, pathsHere } from './names.ts'
import { counts, expectSame, isSame, pour, tally } from './records.ts'

export async function toEmbedded(cluster: ClusterToMove, options: MigrateOptions): Promise<Migrated> {
  const { paths, clock = systemClock } = options
  const state = await cluster.state()
  if (state !== 'used')
    throw new OrchError('E_STATE', `there is no store to be moved in Redis: it is ${state}`)
  const { here, elsewhere } = namedForHere(options)
  const { records, kept } = (await holdsNothing(paths.store))
    ? await bring(cluster, options, here)
    : { records: await expectThere(cluster, options, here), kept: undefined }
  await cluster.markMoved(clock.now())
  return { records: counts(records), elsewhere: elsewhere(), ...(kept && { kept }) }
}

type Change = (record: StoreRecord) => StoreRecord

/** How records are called here, and how many of those that were asked are tasks of other hosts. */
function namedForHere(options: MigrateOptions): { here: Change; elsewhere: () => number } {
  const names = namesOf(options)
  let elsewhere = 0
  const here = (record: StoreRecord) => {
    if (record.kind === 'task' && isElsewhere(record.task.spec.repo, names)) elsewhere += 1
    return pathsHere(record, names)
  }
  return { here, elsewhere: () => elsewhere }
}

/** Puts a copy in the place of the embedded store. */
async function bring(
  cluster: ClusterToMove,
  options: MigrateOptions,
  here: Change,
): Promise<{ records: Summary; kept?: string }> {
  const { paths, progress } = options
  const image = `${paths.store}.migrating`
  removeStore(image)
  try {
    const before = await cluster.last()
    let given: Summary | undefined
    await writeImage(image, async (put) => {
      given = await pour(cluster.dump(), here, put, progress)
    })
    const found = await tallyFile(image)
    if (given) expectSame(given, found)
    await refuseHosts(cluster, options)
    if ((await cluster.last()) !== before)
      throw new OrchError('E_STATE', 'somebody has worked with the store in Redis meanwhile')
    const { kept } = await restoreSqliteStore({ backup: image, file: paths.store })
    return { records: found, ...(kept && { kept }) }
  } finally {
    removeStore(image)
  }
}

/** All of it is here, and nothing else: we were killed when only Redis had to be told. @throws OrchError E_STATE */
async function expectThere(
  cluster: ClusterToMove,
  { paths }: MigrateOptions,
  here: Change,
): Promise<Summary> {
  const found = await tallyFile(paths.store)
  if (isSame(await tally(cluster.dump(), here), found)) return found
  throw new OrchError('E_STATE', `${paths.store} holds runs already; nothing is ever written over a store`, {
    fix: 'Move that file away, or set another ORCH_STATE_DIR.',
  })
}

async function tallyFile(file: string): Promise<Summary> {
  const store = await openFileToMove(file)
  return await tally(store.dump()).finally(() => store.close())
}
