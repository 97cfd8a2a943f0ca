import { readdirSync, readFileSync } from 'node:fs'
import type { ProcessTable } from './processes.ts'
import { type Candidate, select } from './select.ts'

/**
 * Linux: /proc. Read synchronously, because that is several times faster: one scan takes some 10 ms on a machine with
 * a few hundred processes, and scans are made only when an agent is stopped.
 */
export function createProcProcessTable(root = '/proc', self = process.pid): ProcessTable {
  const candidate = (pid: string): Candidate | undefined => {
    const stat = read(`${root}/${pid}/stat`)
    const parsed = stat === undefined ? undefined : parseStat(stat)
    return parsed && { ...parsed, marked: (mark) => hasMark(read(`${root}/${pid}/environ`) ?? '', mark) }
  }
  return {
    find: async (query) => {
      const pids = readdirSync(root).filter((name) => /^\d+$/.test(name))
      return select(
        pids.map(candidate).filter((it) => it !== undefined),
        query,
        self,
      )
    },
    alive: async (pid, start) => {
      const stat = read(`${root}/${pid}/stat`)
      return stat !== undefined && parseStat(stat)?.start === start
    },
  }
}

/** undefined for a process that is gone or a zombie. The name stands in brackets and may hold brackets itself. */
export function parseStat(stat: string) {
  const pid = Number.parseInt(stat, 10)
  const [state, parent, group, session, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const start = rest[15]
  if (!start || state === 'Z' || state === 'X') return undefined
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), start }
}

const hasMark = (environ: string, mark: string) => `\0${environ}\0`.includes(`\0${mark}\0`)

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}
