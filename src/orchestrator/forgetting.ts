import { forgetMail } from './mail-upkeep.ts'
import type { Parts } from './parts.ts'

const DAY_MS = 86_400_000

/** What the store keeps is bounded by count and age (settings messageHistory, messageDays, journalEvents, journalDays, taskDays). */
export async function forgetOld(parts: Parts): Promise<void> {
  const { store, config, clock, log } = parts
  await forgetMail(parts)
  const now = clock.now()
  const { events, tasks } = await store.upkeep.prune({
    now,
    events: config.journalEvents,
    eventsBefore: now - config.journalDays * DAY_MS,
    tasksBefore: now - config.taskDays * DAY_MS,
  })
  if (events + tasks > 0) log.info('forgot what was old', { events, tasks })
}
