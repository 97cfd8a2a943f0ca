import { OrchError } from '../../../errors.ts'
import {
  createTally,
  differences,
  RECORD_KINDS,
  type StoreRecord,
  type Summary,
} from '../../../store/transfer.ts'

/** Puts all that `source` has, as `change` makes it, and gives what that was. */
export async function pour(
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

const asItIs = (record: StoreRecord) => record

/** What `source` has, as `change` would make it. */
export const tally = (source: AsyncIterable<StoreRecord[]>, change = asItIs): Promise<Summary> =>
  pour(
    source,
    change,
    () => {},
    () => {},
  )

export const isSame = (given: Summary, found: Summary): boolean => differences(given, found).length === 0

/** @throws OrchError E_STORE */
export function expectSame(given: Summary, found: Summary): void {
  const wrong = differences(given, found)
  if (wrong.length === 0) return
  const told = wrong.map((kind) => `${kind} (${given[kind].count} given, ${found[kind].count} found)`)
  throw new OrchError('E_STORE', `what arrived is not what was sent: ${told.join(', ')}`, {
    fix: 'The source is untouched and in use as before. Please report this.',
  })
}

export const counts = (summary: Summary): Record<string, number> =>
  Object.fromEntries(RECORD_KINDS.map((kind) => [kind, summary[kind].count]))
