import type { Client } from '../../api/client.ts'
import type { EventView, RunView } from '../../api/contract.ts'
import { isFinal } from '../task-lines.ts'

/** Shows a run while it goes on. */
export interface Progress {
  /** Something happened; each event once, in order. */
  happened(event: EventView): void
  /** The run as it stands now. */
  changed(run: RunView): void
  /** A word beside it, on standard error. */
  said(text: string): void
  /** Nothing more will come. */
  end(): void
}

/**
 * Follows a run until every task is final, or `signal` aborts. Gives the run as it stands then.
 * @throws OrchError E_DAEMON when the daemon stays away
 */
export async function followRun(
  client: Client,
  run: RunView,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<RunView> {
  let current = run
  progress.changed(current)
  if (current.tasks.every(isFinal)) return current
  // From the very start: what happened between submitting and listening is not missed.
  for await (const event of client.events({ run: run.id, after: 0, signal })) {
    progress.happened(event)
    if (!event.type.startsWith('task.')) continue
    current = await client.call('run', { params: { id: run.id } }).catch((error) => {
      if (signal.aborted) return current
      throw error
    })
    progress.changed(current)
    if (current.tasks.every(isFinal)) break
  }
  return current
}
