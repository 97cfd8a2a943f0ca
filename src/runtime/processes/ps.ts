import { OrchError } from '../../errors.ts'
import type { Env, Exec } from '../../exec.ts'
import type { ProcessTable } from './processes.ts'
import { type Candidate, select } from './select.ts'

const COLUMNS = 'pid=,ppid=,pgid=,stat=,lstart=,command='

/** Systems without /proc (macOS): `ps`, whose `-E` shows the environment of our own processes after the command. */
export function createPsProcessTable(deps: { exec: Exec; env: Env; self?: number }): ProcessTable {
  const all = async (): Promise<Candidate[]> => {
    const env = { ...deps.env, LC_ALL: 'C' }
    const result = await deps.exec(['ps', '-axww', '-E', '-o', COLUMNS], { env, timeoutMs: 10_000 })
    if (result.code !== 0) throw new OrchError('E_RUNTIME', `ps failed: ${result.stderr.trim()}`)
    return result.stdout.split('\n').flatMap((line) => parsePsLine(line) ?? [])
  }
  return {
    find: async (query) => select(await all(), query, deps.self ?? process.pid),
    alive: async (pid, start) => (await all()).some((it) => it.pid === pid && it.start === start),
  }
}

const LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s(.*)$/

/** undefined for a zombie and for a line that is none. The session is not shown there: a process stands for its group. */
export function parsePsLine(line: string): Candidate | undefined {
  const [, pid, parent, group, state, start, command] = LINE.exec(line) ?? []
  if (!start || state?.startsWith('Z')) return undefined
  return {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    session: Number(group),
    start,
    marked: (mark) => `${command} `.includes(` ${mark} `),
  }
}
