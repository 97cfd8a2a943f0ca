import { OrchError } from '../../../errors.ts'
import type { TaskId } from '../../../id.ts'
import { isHeld, type Task } from '../../../task/task.ts'
import { LOOK_AT_TASKS } from '../lua/task-read.ts'
import { TASK_ROW } from '../lua/task-row.ts'
import type { RedisTools } from '../tools.ts'
import { type Look, lookOf, type TaskRow, taskOf, WHEN_FULL } from './record.ts'

/** Reading single tasks; and this host's own last look at those that it moves, so that an arrow need not read first. */
export interface Looks {
  /** Those of these that are there, in their order. */
  named(ids: readonly TaskId[]): Promise<Task[]>
  /** @throws OrchError E_NOT_FOUND */
  read(id: TaskId): Promise<Look>
  /** The last look, if there is one. It may be old: what it leads to is tried again with a new one before it is refused. */
  last(id: TaskId): Look | undefined
  note(look: Look): void
  forget(id: TaskId): void
}

/** More tasks than a host has agents. */
const MOST_LOOKS = 1_000
const PIECE = 200

export function createLooks({ scripts }: RedisTools): Looks {
  const look = scripts.define<{ ids: readonly TaskId[] }, TaskRow[]>(
    'orchTasks',
    [TASK_ROW],
    LOOK_AT_TASKS,
    WHEN_FULL,
  )
  const looks = new Map<TaskId, Look>()
  return {
    async named(ids) {
      const found: Task[] = []
      for (let from = 0; from < ids.length; from += PIECE)
        found.push(...(await look({ ids: ids.slice(from, from + PIECE) })).map(taskOf))
      return found
    },
    async read(id) {
      const [row] = await look({ ids: [id] })
      if (!row) throw noTask(id)
      return lookOf(row)
    },
    last: (id) => looks.get(id),
    note(seen) {
      const { id, state } = seen.task
      looks.delete(id)
      if (!isHeld(state)) return
      looks.set(id, seen)
      const oldest = looks.keys().next().value
      if (looks.size > MOST_LOOKS && oldest) looks.delete(oldest)
    },
    forget: (id) => looks.delete(id),
  }
}

export const noTask = (id: Task['id']) => new OrchError('E_NOT_FOUND', `there is no task ${id}`)
