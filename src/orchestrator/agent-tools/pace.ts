import type { Clock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'

/** So many calls one agent may make in so long (ms): an agent in a loop must not keep the daemon busy. */
const MOST_CALLS = 120
const WINDOW_MS = 60_000

/** Counts the calls of each agent. @throws OrchError E_BUSY when one calls too often. */
export function createPace(clock: Pick<Clock, 'now'>): (agent: string) => void {
  const windows = new Map<string, { begin: number; calls: number }>()
  return (agent) => {
    const now = clock.now()
    const open = windows.get(agent)
    if (open && now < open.begin + WINDOW_MS) {
      if (++open.calls > MOST_CALLS) throw tooOften(open.begin + WINDOW_MS - now)
      return
    }
    for (const [name, { begin }] of windows) if (now >= begin + WINDOW_MS) windows.delete(name)
    windows.set(agent, { begin: now, calls: 1 })
  }
}

const tooOften = (waitMs: number) =>
  new OrchError('E_BUSY', `more than ${MOST_CALLS} calls in ${WINDOW_MS / 1_000} seconds`, {
    fix: `Call again in ${Math.ceil(waitMs / 1_000)} seconds; go on with your work until then.`,
  })
