import { createHash, type Hash } from 'node:crypto'
import type { PullRecord } from '../forge/local/records.ts'
import type { RunId } from '../id.ts'
import type { JournalEvent } from '../journal/journal.ts'
import type { Delivery } from '../message/delivery.ts'
import type { Attempt, Run, Task } from '../task/task.ts'
import type { Mailbox } from './mailboxes.ts'

/**
 * What a store holds, as records that any store can take: for backups over Redis and for `orch migrate`. Each store gives them
 * in this order of kinds, and within a kind by age (pull requests by repository and number), so that what two stores hold can
 * be compared as two streams. Hosts and what goes between them (`Exchange`) are not part of it, nor are leases of messages.
 */
export type StoreRecord =
  | { kind: 'run'; run: Run }
  /** `requestId`: of the `spawn` that made it. Attempts oldest first. */
  | { kind: 'task'; task: Task; requestId?: string; attempts: Attempt[] }
  | { kind: 'box'; box: Mailbox }
  /** `runId`: the run that it is listed under. */
  | { kind: 'message'; delivery: Delivery; runId?: RunId }
  | { kind: 'pull'; pull: PullRecord }
  | { kind: 'event'; event: JournalEvent }

export type RecordKind = StoreRecord['kind']
export const RECORD_KINDS: readonly RecordKind[] = ['run', 'task', 'box', 'message', 'pull', 'event']

/** In pieces of a few hundred. */
export type StoreDump = () => AsyncIterable<StoreRecord[]>

/** Writes a file that an embedded store can be opened on; `fill` gives the records, the later one of two with a name counts. */
export type ImageWriter = (
  file: string,
  fill: (put: (records: readonly StoreRecord[]) => void) => Promise<void>,
) => Promise<{ bytes: number }>

/** How many records of each kind, and a digest of them in their order. */
export type Summary = Record<RecordKind, { count: number; digest: string }>

export interface Tally {
  add(records: readonly StoreRecord[]): void
  summary(): Summary
}

export function createTally(): Tally {
  const kinds = new Map<RecordKind, { count: number; hash: Hash }>()
  const of = (kind: RecordKind) => {
    const known = kinds.get(kind) ?? { count: 0, hash: createHash('sha256') }
    kinds.set(kind, known)
    return known
  }
  return {
    add(records) {
      for (const record of records) {
        const tally = of(record.kind)
        tally.count += 1
        tally.hash.update(canonical(record)).update('\n')
      }
    },
    summary: () =>
      Object.fromEntries(
        RECORD_KINDS.map((kind) => [
          kind,
          { count: of(kind).count, digest: of(kind).hash.copy().digest('hex') },
        ]),
      ) as Summary,
  }
}

/** Kinds in which two stores differ. */
export const differences = (one: Summary, other: Summary): RecordKind[] =>
  RECORD_KINDS.filter((kind) => one[kind].digest !== other[kind].digest)

/** The same text for the same value, in whatever order its fields stand. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}
