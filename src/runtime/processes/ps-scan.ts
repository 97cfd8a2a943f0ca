import { OrchError } from '../../errors.ts'
import type { Env, Exec } from '../../exec.ts'
import { MARK } from '../spec.ts'
import type { Measured, ProcessScan } from './scan.ts'

const COLUMNS = 'pid=,ppid=,pgid=,stat=,rss=,time=,lstart=,command='

/**
 * Systems without /proc (macOS): `ps`, a process of its own each time, and so seldom. It does not tell shared pages
 * apart, nor the time of children that have ended.
 */
export function createPsScan(deps: { exec: Exec; env: Env }): ProcessScan {
  return {
    everyMs: 5_000,
    measure: async () => {
      const env = { ...deps.env, LC_ALL: 'C' }
      const result = await deps.exec(['ps', '-axww', '-E', '-o', COLUMNS], { env, timeoutMs: 10_000 })
      if (result.code !== 0) throw new OrchError('E_RUNTIME', `ps failed: ${result.stderr.trim()}`)
      return result.stdout.split('\n').flatMap((line) => parseMeasuredLine(line) ?? [])
    },
    ownBytes: async () => undefined,
    threads: (pid) => [pid],
  }
}

const LINE =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+([\d:.-]+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s(.*)$/
const MARKED = new RegExp(`\\s${MARK}=(\\S+)`)

/** undefined for what is no line of a process. A process stands for its group, because the session is not shown. */
export function parseMeasuredLine(line: string): Measured | undefined {
  const [, pid, parent, group, state, rss, time, start, command] = LINE.exec(line) ?? []
  if (!start || !time) return undefined
  const mark = MARKED.exec(command ?? '')?.[1]
  return {
    pid: Number(pid),
    parent: Number(parent),
    session: Number(group),
    start,
    ...(mark !== undefined && { mark }),
    rssBytes: Number(rss) * 1_024,
    cpuMs: milliseconds(time),
    zombie: state?.startsWith('Z') ?? false,
  }
}

/** `12:34.56` (minutes, seconds), `1:02:03`, `2-03:04:05`. */
function milliseconds(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse()
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return Math.round((Number(days) * 86_400 + seconds) * 1_000)
}
