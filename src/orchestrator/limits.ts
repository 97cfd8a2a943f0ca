import { AttemptFailed } from './failure.ts'
import type { Feed } from './feed.ts'
import type { Held } from './held.ts'

/** Ends an attempt that exceeds what it may use. @throws AttemptFailed */
export async function checkLimits({ parts, task, attempt }: Held, _feed: Feed): Promise<void> {
  const limit = task.spec.limits.wallMs
  if (parts.clock.now() - attempt.startedAt <= limit) return
  throw new AttemptFailed(
    'time-limit',
    `the agent was not done after ${Math.round(limit / 60_000)} minutes (setting wallMinutes)`,
  )
}
