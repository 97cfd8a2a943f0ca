import { makeName, readName } from '../../../carry/names.ts'
import type { StoreRecord } from '../../../store/transfer.ts'

/**
 * What is called otherwise in a store that several hosts share: repositories have a path in the embedded store and the name
 * `HOST:/path` there; and this host is `local` in the one, when nothing is configured, and has a name in the other.
 */
export interface HostNames {
  embedded: string
  shared: string
}

/** As the other hosts have to call it. What has a name keeps it. */
export function namedHere(record: StoreRecord, { embedded, shared }: HostNames): StoreRecord {
  const named = (repo: string) => (readName(repo) ? repo : makeName(shared, repo))
  if (record.kind !== 'task' || readName(record.task.spec.repo))
    return renamed(withRepo(record, named), embedded, shared)
  const { spec } = record.task
  const source = { host: shared, path: spec.repo, ...spec.source }
  const task = { ...record.task, spec: { ...spec, repo: named(spec.repo), source } }
  return renamed({ ...record, task }, embedded, shared)
}

/** Repositories of this host by their path. */
export function pathsHere(record: StoreRecord, { embedded, shared }: HostNames): StoreRecord {
  const path = (repo: string) => {
    const place = readName(repo)
    return place?.host === shared ? place.path : repo
  }
  if (record.kind !== 'task' || path(record.task.spec.repo) === record.task.spec.repo)
    return renamed(withRepo(record, path), shared, embedded)
  const { source: _, ...spec } = record.task.spec
  const task = { ...record.task, spec: { ...spec, repo: path(spec.repo) } }
  return renamed({ ...record, task }, shared, embedded)
}

export const isElsewhere = (repo: string, { shared }: HostNames): boolean => {
  const place = readName(repo)
  return place !== undefined && place.host !== shared
}

function withRepo(record: StoreRecord, change: (repo: string) => string): StoreRecord {
  if (record.kind === 'run') return { ...record, run: { ...record.run, repo: change(record.run.repo) } }
  if (record.kind === 'pull') return { ...record, pull: { ...record.pull, repo: change(record.pull.repo) } }
  return record
}

/** Who holds a task, and where its attempts were: agents that go on meanwhile are found again. */
function renamed(record: StoreRecord, from: string, to: string): StoreRecord {
  if (record.kind !== 'task' || from === to) return record
  const { task } = record
  const lease = task.lease?.host === from ? { lease: { ...task.lease, host: to } } : {}
  const attempts = record.attempts.map((it) => (it.host === from ? { ...it, host: to } : it))
  return { ...record, task: { ...task, ...lease }, attempts }
}
