import type { RunView } from '../../api/contract.ts'
import { oneLine } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { STORY_EVENTS, sentence } from '../story.ts'
import { clockTime } from '../time.ts'
import type { Progress } from './follow.ts'

/** What agents do in detail is in the logs; leases and the like are no news either. */
const QUIET = new Set(['run.submitted', 'task.queued', 'task.leased', 'work.saved'])
const SHOWN = new Set(STORY_EVENTS.filter((type) => !QUIET.has(type)))

/** Progress without a terminal: a plain line for each thing that happened. */
export function createLines(cli: Cli, run: RunView): Progress {
  const width = Math.max(...run.tasks.map(({ id }) => id.length))
  for (const task of run.tasks) cli.world.out(`${task.id.padEnd(width)}  ${oneLine(task.title, 100)}\n`)
  return {
    happened(event) {
      if (!event.taskId || !SHOWN.has(event.type)) return
      cli.world.out(`${clockTime(event.at)}  ${event.taskId.padEnd(width)}  ${sentence(event)}\n`)
    },
    changed() {},
    said: cli.note,
    end: () => cli.world.out('\n'),
  }
}
