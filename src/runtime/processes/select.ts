import type { Process, ProcessQuery } from './processes.ts'

/** A process as it was read, with the test for the mark left to the moment when it is needed. */
export interface Candidate extends Process {
  marked(mark: string): boolean
}

/** The processes that match, with all their descendants; never this process and never the first one. */
export function select(all: Candidate[], query: ProcessQuery, self: number): Process[] {
  const found = new Map<number, Candidate>()
  for (const candidate of all) if (matches(candidate, query)) found.set(candidate.pid, candidate)
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const candidate of all) if (found.has(candidate.parent)) found.set(candidate.pid, candidate)
  }
  found.delete(self)
  found.delete(1)
  return [...found.values()].map(({ pid, parent, group, session, start }) => ({
    pid,
    parent,
    group,
    session,
    start,
  }))
}

const matches = (candidate: Candidate, { pids, groups, sessions, mark }: ProcessQuery): boolean =>
  pids?.includes(candidate.pid) ||
  groups?.includes(candidate.group) ||
  sessions?.includes(candidate.session) ||
  (mark !== undefined && candidate.marked(mark))
