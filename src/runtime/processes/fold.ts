import type { Measured } from './scan.ts'

/** Names a process for good. */
export const keyOf = ({ pid, start }: { pid: number; start: string }): string => `${pid} ${start}`

/** Whose each process is, by keyOf. What was an agent's once stays its own, whatever it did to its parents and session. */
export type Owners = ReadonlyMap<string, string>

/**
 * Gives each process to the agent that its environment names; that had it before; that has its nearest ancestor; or
 * that alone is found in its session. `self`, this very process, is nobody's, and nothing comes down through it.
 */
export function fold(all: readonly Measured[], before: Owners, self: number): Map<string, Measured[]> {
  const byPid = new Map(all.map((process) => [process.pid, process]))
  const ownSession = byPid.get(self)?.session
  const owners = new Map<number, string | undefined>([
    [self, undefined],
    [1, undefined],
  ])
  let sessions: ReadonlyMap<number, string | undefined> = new Map()

  const ownerOf = (process: Measured | undefined): string | undefined => {
    if (!process) return undefined
    if (owners.has(process.pid)) return owners.get(process.pid)
    owners.set(process.pid, undefined) // a circle of parents cannot be, but pids are used again while we read
    const own = process.mark ?? before.get(keyOf(process))
    const owner = own ?? ownerOf(byPid.get(process.parent)) ?? sessions.get(process.session)
    owners.set(process.pid, owner)
    return owner
  }
  for (const process of all) ownerOf(process)
  sessions = sessionsOf(all, owners, ownSession)
  for (const [pid, owner] of owners) if (!owner && pid !== self && pid !== 1) owners.delete(pid)
  for (const process of all) ownerOf(process)
  return Map.groupBy(
    all.filter((process) => owners.get(process.pid) !== undefined),
    (process) => owners.get(process.pid) as string,
  )
}

/** The one agent of each session; undefined where there are several. Our own session says nothing. */
function sessionsOf(
  all: readonly Measured[],
  owners: ReadonlyMap<number, string | undefined>,
  except: number | undefined,
): Map<number, string | undefined> {
  const sessions = new Map<number, string | undefined>()
  for (const { pid, session } of all) {
    const owner = owners.get(pid)
    if (!owner || session === except || session <= 1) continue
    sessions.set(session, sessions.has(session) && sessions.get(session) !== owner ? undefined : owner)
  }
  return sessions
}
